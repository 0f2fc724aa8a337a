/* SPDX-License-Identifier: MIT */
/* in_a_thread LIBPYTHON [ARG...]: runs Python as its command line does, but in a thread that is not the process's
 * first, as programs do that embed it.
 * Rules: the library is loaded by its path, so that one build serves every version. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

struct words {
    int count;
    char **list;
    int (*python_main)(int count, char **list);
};

static void *run(void *argument)
{
    struct words *words = argument;
    words->python_main(words->count, words->list);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    struct words words = {argc - 1, argv + 1, NULL};
    void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL) : NULL;
    if (library)
        *(void **)&words.python_main = dlsym(library, "Py_BytesMain");
    if (!words.python_main || pthread_create(&thread, NULL, run, &words)) {
        fprintf(stderr, "in_a_thread: %s\n", library ? "cannot start" : "no such library");
        return 1;
    }
    pthread_join(thread, NULL);
    return 0;
}
