/* SPDX-License-Identifier: MIT */
/* Snapshots that are the same on every run, for the tests of views, formats and screens.
 * Why: goldens need numbers that never move, and names as hostile as a program can make them.
 * Rules: everything but the leaves is computed from the leaves (a table of calling contexts), so
 * functions, edges, tree and threads agree with each other as in a real snapshot. Times are in a
 * run of 20 s, of which the window is the last 10; each window figure is half of the run's.
 * Tests may change any field before they use it. NULL: no memory. */
#ifndef ULMA_TESTS_SAMPLE_SNAPSHOT_H
#define ULMA_TESTS_SAMPLE_SNAPSHOT_H

#include "model/snapshot.h"

/* A name as bad as one can be. */
#define HOSTILE "a;b\n\"q\" 'z' <i>&|]\\ \x1b[31m\x07 \xff\xfe\xc3 \xe2\x80\xae end"

/* Positions in functions[] of the sample, for tests that look at one. */
enum sample_function {
    SAMPLE_MODULE, /* <module> of /srv/shop/app/main.py */
    SAMPLE_MAIN,   /* main */
    SAMPLE_FIB,    /* direct recursion, four deep */
    SAMPLE_EVEN,   /* mutual recursion with */
    SAMPLE_ODD,
    SAMPLE_ROWS,      /* generator: 3 activations, 3,000 resumes */
    SAMPLE_FETCH,     /* coroutine that waits most of its time */
    SAMPLE_STREAM,    /* async generator */
    SAMPLE_LEN,       /* <built-in method builtins.len> */
    SAMPLE_APPEND,    /* <method 'append' of 'list' objects> */
    SAMPLE_WIDE,      /* 商店.价格计算: every letter two columns wide */
    SAMPLE_COMBINING, /* an e and a combining acute accent */
    SAMPLE_HOSTILE,   /* ; newline quotes < & | ] control bytes invalid UTF-8, in name and file */
    SAMPLE_LAMBDA,    /* two functions of one file, line and name */
    SAMPLE_LAMBDA_TWIN,
    SAMPLE_LONG,      /* a long qualname in a deep package */
    SAMPLE_BOOTSTRAP, /* threading: Thread._bootstrap */
    SAMPLE_WORKER,    /* worker */
    SAMPLE_GET,       /* queue.Queue.get: only waits */
    SAMPLE_OTHER,     /* (other): KIND_PSEUDO */
    SAMPLE_ESTIMATED, /* muted: its times are estimates */
    SAMPLE_FUNCTIONS
};

/* The sample: a shop's program, still running, three threads, recursion, generators, C functions,
 * wide characters, hostile names. */
struct snapshot *sample_snapshot_new(void);

/* Nothing seen yet: no function, no thread, a root without children. */
struct snapshot *sample_snapshot_empty_new(void);

/* A few functions with counts above 2^32 and times above 2^53. */
struct snapshot *sample_snapshot_huge_new(void);

/* A function for each kind of name that breaks files: markup, nothing, quotes, keywords of formats,
 * lone surrogates, invalid UTF-8, lines, 10,000 letters. */
struct snapshot *sample_snapshot_hostile_new(void);

/* About `nodes` calling contexts of nodes/4 functions, made by a fixed generator. */
struct snapshot *sample_snapshot_large_new(size_t nodes);

/* One function that calls itself `depth` deep, every level a node. */
struct snapshot *sample_snapshot_deep_new(size_t depth);

/* Adds what sources other than calls and c-calls tell. 0 or -1. */
int sample_snapshot_add_sources(struct snapshot *snapshot);

#endif
