/* SPDX-License-Identifier: MIT */
/* steady PORT PATH RATE SECONDS CONNECTIONS: HTTP requests at a fixed rate, and how long each took.
 * Why: a client that waits for an answer before it asks again does not see what a pause of the server
 * does to those who would have asked meanwhile. Here each request has its moment; its time counts from
 * then on, also while it waits for a free connection.
 * Rules: keep-alive and Content-Length only. Prints lines of `key value`: requests, failed, and in
 * microseconds p50, p99, p999, max. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MOST = 64, ANSWER_MOST = 65536 };

struct connection {
    int fd;
    int64_t due; /* of the request under way; 0: none */
    char answer[ANSWER_MOST];
    size_t used;
};

struct load {
    uint16_t port;
    char request[512];
    size_t request_size;
    struct connection connections[CONNECTIONS_MOST];
    size_t connection_count;
    int64_t *times; /* ns, of each answered request */
    size_t answered, failed;
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int dial(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

static void end_request(struct load *load, struct connection *connection, int is_answered)
{
    if (is_answered) {
        load->times[load->answered++] = now_ns() - connection->due;
    } else {
        load->failed++;
        if (connection->fd >= 0)
            close(connection->fd);
        connection->fd = -1;
    }
    connection->due = 0;
    connection->used = 0;
}

/* A server closes what was idle for some seconds. */
static int was_closed(int fd)
{
    char byte;
    ssize_t got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

static void begin_request(struct load *load, struct connection *connection, int64_t due)
{
    connection->due = due;
    if (connection->fd >= 0 && was_closed(connection->fd)) {
        close(connection->fd);
        connection->fd = -1;
    }
    if (connection->fd < 0)
        connection->fd = dial(load->port);
    if (connection->fd < 0 || send(connection->fd, load->request, load->request_size,
                                   MSG_NOSIGNAL) != (ssize_t)load->request_size)
        end_request(load, connection, 0);
}

/* 1: the answer is whole and a 200; 0: more is to come; -1: it is no such answer. */
static int answer_state(const struct connection *connection)
{
    const char *end = strstr(connection->answer, "\r\n\r\n");
    if (!end)
        return connection->used < ANSWER_MOST - 1 ? 0 : -1;
    const char *length = strcasestr(connection->answer, "\r\ncontent-length:");
    if (!length || length > end || strncmp(connection->answer + 8, " 200", 4) != 0)
        return -1;
    size_t whole = (size_t)(end + 4 - connection->answer) + strtoul(length + 17, NULL, 10);
    if (whole >= ANSWER_MOST)
        return -1;
    return connection->used >= whole;
}

static void take_answer(struct load *load, struct connection *connection)
{
    ssize_t got = recv(connection->fd, connection->answer + connection->used,
                       ANSWER_MOST - 1 - connection->used, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        end_request(load, connection, 0);
        return;
    }
    connection->used += (size_t)got;
    connection->answer[connection->used] = 0;
    int state = answer_state(connection);
    if (state)
        end_request(load, connection, state > 0);
}

static struct connection *free_connection(struct load *load)
{
    for (size_t i = 0; i < load->connection_count; i++)
        if (!load->connections[i].due)
            return &load->connections[i];
    return NULL;
}

/* Waits for answers until `until`, or for the first one when that is 0. */
static void wait_for_answers(struct load *load, int64_t until)
{
    struct pollfd polled[CONNECTIONS_MOST];
    struct connection *whose[CONNECTIONS_MOST];
    nfds_t count = 0;
    for (size_t i = 0; i < load->connection_count; i++) {
        if (!load->connections[i].due)
            continue;
        whose[count] = &load->connections[i];
        polled[count++] = (struct pollfd){.fd = load->connections[i].fd, .events = POLLIN};
    }
    int64_t left = until ? until - now_ns() : INT64_C(5000000000);
    struct timespec most = {left > 0 ? left / 1000000000 : 0, left > 0 ? left % 1000000000 : 0};
    int ready = ppoll(polled, count, &most, NULL);
    for (nfds_t i = 0; i < count; i++) {
        if (ready > 0 && polled[i].revents)
            take_answer(load, whose[i]);
        else if (ready == 0 && !until)
            end_request(load, whose[i], 0);
    }
}

static int by_size(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
    return (first > second) - (first < second);
}

static double microseconds_at(const struct load *load, double share)
{
    if (!load->answered)
        return 0;
    return (double)load->times[(size_t)(share * (double)(load->answered - 1))] / 1000;
}

static void run(struct load *load, double rate, size_t total)
{
    int64_t begin = now_ns();
    for (size_t i = 0; i < total; i++) {
        int64_t due = begin + (int64_t)((double)i * 1e9 / rate);
        struct connection *connection;
        while (now_ns() < due)
            wait_for_answers(load, due);
        while (!(connection = free_connection(load)))
            wait_for_answers(load, 0);
        begin_request(load, connection, due);
    }
    while (load->answered + load->failed < total)
        wait_for_answers(load, 0);
}

int main(int argc, char **argv)
{
    static struct load load;
    if (argc != 6) {
        fprintf(stderr, "usage: steady PORT PATH RATE SECONDS CONNECTIONS\n");
        return 2;
    }
    double rate = atof(argv[3]);
    size_t total = (size_t)(rate * atof(argv[4]));
    load.port = (uint16_t)atoi(argv[1]);
    load.connection_count = (size_t)atoi(argv[5]);
    load.request_size = (size_t)snprintf(load.request, sizeof(load.request),
                                         "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", argv[2]);
    load.times = calloc(total + 1, sizeof(*load.times));
    if (!load.times || !total || load.connection_count - 1 >= CONNECTIONS_MOST) {
        fprintf(stderr, "steady: RATE * SECONDS and CONNECTIONS (to 64) must be above 0\n");
        return 2;
    }
    for (size_t i = 0; i < load.connection_count; i++)
        load.connections[i].fd = dial(load.port);
    run(&load, rate, total);
    qsort(load.times, load.answered, sizeof(*load.times), by_size);
    printf("requests %zu\nfailed %zu\np50 %.1f\np99 %.1f\np999 %.1f\nmax %.1f\n", total,
           load.failed, microseconds_at(&load, 0.5), microseconds_at(&load, 0.99),
           microseconds_at(&load, 0.999), microseconds_at(&load, 1));
    free(load.times);
    return 0;
}
