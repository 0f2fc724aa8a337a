/* SPDX-License-Identifier: MIT */
/* Runs a fuzz target once on every file of a corpus, and on mutations of each.
 * Why: what a fuzzer once found must stay mended, and gcc's builds, which have no libFuzzer, must
 * still meet hostile input on every run of the tests.
 * Rules: the mutations come from a fixed seed, so that a failure comes back. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MUTATIONS = 60, FLIPS = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t random_state = UINT64_C(0x9e3779b97f4a7c15);

static size_t random_below(size_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)(random_state % limit);
}

static void replay(const uint8_t *bytes, size_t size)
{
    /* A copy of exactly that size, so that the sanitizer sees a read past its end. */
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL)
        abort();
    memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    for (int i = 0; size > 0 && i < MUTATIONS; i++) {
        memcpy(copy, bytes, size);
        for (int flip = 0; flip < FLIPS; flip++)
            copy[random_below(size)] = (uint8_t)random_below(256);
        LLVMFuzzerTestOneInput(copy, size);
    }
    free(copy);
}

static bool replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(size > 0 ? (size_t)size : 1);
    bool read = bytes != NULL && size >= 0 && fread(bytes, 1, (size_t)size, file) == (size_t)size;
    fclose(file);
    if (read)
        replay(bytes, (size_t)size);
    free(bytes);
    return read;
}

int main(int argc, char **argv)
{
    struct dirent **entries;
    int count = argc == 2 ? scandir(argv[1], &entries, NULL, alphasort) : -1;
    int files = 0;
    for (int i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", argv[1], entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && replay_file(path))
            files++;
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    printf("%d files replayed\n", files);
    return files > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
