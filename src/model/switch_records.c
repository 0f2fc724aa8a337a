/* SPDX-License-Identifier: MIT */
/* Switch records by perf_event_open.
 * Why: see switch_records.h.
 * Rules: no wake-ups are asked for; the drain reads on its own rounds. Barrier partners: acquire of
 * data_head, release of data_tail, with the kernel (perf_event_open(2), mmap layout). */
#include "model/switch_records.h"

#include "base/clock.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MOST_PAGES = 32, LEAST_PAGES = 4, MOST_RECORDS = 1 << 20, RECORD_MAX = 256 };

struct cpu_ring {
    int fd;
    struct perf_event_mmap_page *page;
    size_t data_bytes;
};

struct switch_records {
    struct cpu_ring *rings;
    uint32_t ring_count;
    size_t page_bytes;
    struct switch_record *list; /* those told, then those kept for the next reading */
    uint32_t told, count, limit;
    uint64_t lost;
};

/* --- opening -------------------------------------------------------------------------------- */

static int open_event(pid_t pid, int cpu)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof(attr),
        .config = PERF_COUNT_SW_DUMMY,
        .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
        .inherit = 1,
        .exclude_kernel = 1,
        .exclude_hv = 1,
        .sample_id_all = 1,
        .context_switch = 1,
        .comm = 1,
        .comm_exec = 1,
        .task = 1,
        .use_clockid = 1,
        .clockid = CLOCK_MONOTONIC,
        .watermark = 1,
        .wakeup_watermark = UINT32_MAX,
    };
    long fd = syscall(SYS_perf_event_open, &attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? -errno : (int)fd;
}

/* The lockable memory of a user may be short: smaller rings do. */
static int map_ring(const struct switch_records *records, struct cpu_ring *ring)
{
    int result = -ENOMEM;
    for (size_t pages = MOST_PAGES; pages >= LEAST_PAGES; pages /= 2) {
        void *page = mmap(NULL, (pages + 1) * records->page_bytes, PROT_READ | PROT_WRITE,
                          MAP_SHARED, ring->fd, 0);
        if (page != MAP_FAILED) {
            ring->page = page;
            ring->data_bytes = pages * records->page_bytes;
            return 0;
        }
        result = -errno;
    }
    return result;
}

static int open_cpu(struct switch_records *records, pid_t pid, int cpu)
{
    struct cpu_ring ring = {.fd = open_event(pid, cpu)};
    if (ring.fd < 0)
        return ring.fd;
    int result = map_ring(records, &ring);
    if (result) {
        close(ring.fd);
        return result;
    }
    records->rings[records->ring_count++] = ring;
    return 0;
}

int switch_records_open(pid_t pid, struct switch_records **ret_records)
{
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    struct switch_records *records = calloc(1, sizeof(*records));
    if (!records || cpus < 1) {
        free(records);
        return -ENOMEM;
    }
    records->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    records->rings = calloc((size_t)cpus, sizeof(*records->rings));
    int result = records->rings ? 0 : -ENOMEM;
    for (int cpu = 0; cpu < cpus && result == 0; cpu++) {
        result = open_cpu(records, pid, cpu);
        if (result == -ENODEV) /* a CPU that is off */
            result = 0;
    }
    if (result == 0 && records->ring_count == 0)
        result = -ENODEV;
    if (result) {
        switch_records_close(records);
        return result;
    }
    *ret_records = records;
    return 0;
}

void switch_records_close(struct switch_records *records)
{
    if (!records)
        return;
    for (uint32_t i = 0; i < records->ring_count; i++) {
        munmap(records->rings[i].page, records->rings[i].data_bytes + records->page_bytes);
        close(records->rings[i].fd);
    }
    free(records->rings);
    free(records->list);
    free(records);
}

uint64_t switch_records_lost(const struct switch_records *records)
{
    return records->lost;
}

/* --- reading -------------------------------------------------------------------------------- */

static void keep(struct switch_records *records, struct switch_record record)
{
    if (records->count == records->limit) {
        uint32_t limit = records->limit ? records->limit * 2 : 256;
        struct switch_record *list =
            limit <= MOST_RECORDS ? realloc(records->list, limit * sizeof(*list)) : NULL;
        if (!list) {
            records->lost++;
            return;
        }
        records->list = list;
        records->limit = limit;
    }
    records->list[records->count++] = record;
}

/* False: of no interest (the start of a thread, its name). */
static bool kind_of(const struct perf_event_header *header, enum switch_kind *ret_kind)
{
    if (header->type == PERF_RECORD_SWITCH)
        *ret_kind = header->misc & PERF_RECORD_MISC_SWITCH_OUT ? SWITCH_OUT : SWITCH_IN;
    else if (header->type == PERF_RECORD_COMM && (header->misc & PERF_RECORD_MISC_COMM_EXEC))
        *ret_kind = SWITCH_EXEC;
    else if (header->type == PERF_RECORD_EXIT)
        *ret_kind = SWITCH_EXIT;
    else
        return false;
    return true;
}

/* With sample_id_all a record ends in what sample_type asks for: pid and tid, then time. */
static void take_record(struct switch_records *records, const unsigned char *bytes)
{
    struct perf_event_header header;
    memcpy(&header, bytes, sizeof(header));
    if (header.type == PERF_RECORD_LOST && header.size >= sizeof(header) + 16) {
        uint64_t lost;
        memcpy(&lost, bytes + sizeof(header) + 8, sizeof(lost));
        records->lost += lost;
        return;
    }
    struct switch_record record;
    if (header.size < sizeof(header) + 16 || !kind_of(&header, &record.kind))
        return;
    memcpy(&record.tid, bytes + header.size - 12, sizeof(record.tid));
    memcpy(&record.time_ns, bytes + header.size - 8, sizeof(record.time_ns));
    keep(records, record);
}

static void copy_out(const struct cpu_ring *ring, const unsigned char *data, uint64_t at,
                     unsigned char *target, size_t size)
{
    size_t first = (size_t)(at % ring->data_bytes);
    size_t whole = ring->data_bytes - first;
    if (size <= whole) {
        memcpy(target, data + first, size);
        return;
    }
    memcpy(target, data + first, whole);
    memcpy(target + whole, data, size - whole);
}

static void read_ring(struct switch_records *records, struct cpu_ring *ring)
{
    const unsigned char *data = (const unsigned char *)ring->page + records->page_bytes;
    uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
    uint64_t tail = ring->page->data_tail;
    unsigned char bytes[RECORD_MAX];
    while (tail < head) {
        struct perf_event_header header;
        copy_out(ring, data, tail, (unsigned char *)&header, sizeof(header));
        if (header.size < sizeof(header) || header.size > head - tail) {
            tail = head;
            break;
        }
        if (header.size <= RECORD_MAX) {
            copy_out(ring, data, tail, bytes, header.size);
            take_record(records, bytes);
        }
        tail += header.size;
    }
    __atomic_store_n(&ring->page->data_tail, tail, __ATOMIC_RELEASE);
}

static int by_time(const void *left, const void *right)
{
    const struct switch_record *a = left, *b = right;
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    return (int)a->kind - (int)b->kind;
}

static void forget_told(struct switch_records *records)
{
    records->count -= records->told;
    if (records->told && records->count)
        memmove(records->list, records->list + records->told,
                records->count * sizeof(*records->list));
    records->told = 0;
}

/* A thread may leave one CPU and get another while the rings are read one after the other, so that
 * only the later record is seen. Of what happened before the reading began, everything is. */
uint32_t switch_records_read(struct switch_records *records, const struct switch_record **ret_list)
{
    uint64_t begin_ns = clock_monotonic_ns();
    forget_told(records);
    for (uint32_t i = 0; i < records->ring_count; i++)
        read_ring(records, &records->rings[i]);
    if (records->count > 1)
        qsort(records->list, records->count, sizeof(*records->list), by_time);
    while (records->told < records->count && records->list[records->told].time_ns < begin_ns)
        records->told++;
    *ret_list = records->list;
    return records->told;
}
