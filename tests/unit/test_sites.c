/* SPDX-License-Identifier: MIT */
/* Patterns of --only and --skip: which make sense, and what each matches.
 * Why: a pattern that matches too much hides a function without a word. */
#include "model/sites.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct sites sites;

static void begin(void)
{
    sites = (struct sites){.directory = "/home/me/app", .stdlib = "/usr/lib/python3.12"};
}

static void add(const char *text, bool skip)
{
    char error[SITES_ERROR_SIZE] = "";
    if (!sites_add(&sites, text, skip, error))
        fail_msg("%s: %s", text, error);
}

static void only(const char *text)
{
    begin();
    add(text, false);
}

static bool keeps(const char *module, const char *qualname, const char *file)
{
    const char *dot = strrchr(qualname, '.');
    struct site site = {module, dot ? dot + 1 : qualname, qualname, file};
    return sites_keep(&sites, &site);
}

static void modules(void **state)
{
    (void)state;
    only("app");
    assert_true(keeps("app", "f", ""));
    assert_true(keeps("app.views", "f", ""));
    assert_true(keeps("app.views.admin", "C.f", ""));
    assert_false(keeps("application", "f", ""));
    assert_false(keeps("my.app", "f", ""));
    assert_false(keeps("ap", "f", ""));
    assert_false(keeps("", "f", ""));
    only("app.views");
    assert_true(keeps("app.views", "f", ""));
    assert_false(keeps("app", "f", ""));
    assert_false(keeps("app.views2", "f", ""));
    only("__main__");
    assert_true(keeps("__main__", "f", ""));
}

/* With -m the module's own name is known, though it runs as __main__. */
static void main_module(void **state)
{
    (void)state;
    only("app");
    assert_false(keeps("__main__", "f", ""));
    sites.main_module = "app.serve";
    assert_true(keeps("__main__", "f", ""));
    sites.main_module = "apple";
    assert_false(keeps("__main__", "f", ""));
    only("app.serve:Server.run");
    sites.main_module = "app.serve";
    assert_true(keeps("__main__", "Server.run", ""));
    assert_false(keeps("__main__", "Server.stop", ""));
}

static void qualnames(void **state)
{
    (void)state;
    only("app:Server.run");
    assert_true(keeps("app", "Server.run", ""));
    assert_true(keeps("app.serve", "Server.run", ""));
    assert_true(keeps("app", "Server.run.<locals>.inner", ""));
    assert_false(keeps("app", "Server.runner", ""));
    assert_false(keeps("app", "Server", ""));
    assert_false(keeps("app", "Other.Server.run", ""));
    assert_false(keeps("apple", "Server.run", ""));
    only("app:Server");
    assert_true(keeps("app", "Server.run", ""));
    assert_true(keeps("app", "Server", ""));
    assert_false(keeps("app", "Servers.run", ""));
    only("app:Test*.set*");
    assert_true(keeps("app", "TestViews.setUp", ""));
    assert_true(keeps("app", "TestViews.setUp.<locals>.f", ""));
    assert_false(keeps("app", "TestViews.tearDown", ""));
    assert_false(keeps("app", "TestViews", ""));
    only("app:*.run");
    assert_true(keeps("app", "A.run", ""));
    assert_false(keeps("app", "run", ""));
    assert_false(keeps("app", "A.B.run", ""));
    only("app:f.<locals>.<lambda>");
    assert_true(keeps("app", "f.<locals>.<lambda>", ""));
    assert_false(keeps("app", "f", ""));
}

/* Below 3.11 code objects have a name alone. */
static void without_qualname(void **state)
{
    (void)state;
    struct site site = {"app", "run", "", "x.py"}, other = {"app", "stop", "", "x.py"};
    only("app:Server.run");
    assert_true(sites_keep(&sites, &site));
    assert_false(sites_keep(&sites, &other));
    only("app:run");
    assert_true(sites_keep(&sites, &site));
    only("app:r*n");
    assert_true(sites_keep(&sites, &site));
}

static void paths(void **state)
{
    (void)state;
    only("src/**");
    assert_true(keeps("m", "f", "/home/me/app/src/a.py"));
    assert_true(keeps("m", "f", "/home/me/app/src/deep/er/a.py"));
    assert_true(keeps("m", "f", "src/a.py"));
    assert_true(keeps("m", "f", "./src/a.py"));
    assert_false(keeps("m", "f", "/home/me/app/srcs/a.py"));
    assert_false(keeps("m", "f", "/home/me/app2/src/a.py"));
    assert_false(keeps("m", "f", "/elsewhere/src/a.py"));
    assert_false(keeps("m", "f", "<string>"));
    assert_false(keeps("m", "f", "<frozen src/x>"));
    assert_false(keeps("m", "f", ""));
    only("src/");
    assert_true(keeps("m", "f", "/home/me/app/src/a.py"));
    assert_false(keeps("m", "f", "/home/me/app/srcs/a.py"));
    only("./src/a.py");
    assert_true(keeps("m", "f", "/home/me/app/src/a.py"));
    assert_false(keeps("m", "f", "/home/me/app/src/a.pyx"));
    only("../other/**");
    assert_true(keeps("m", "f", "/home/me/other/a.py"));
    assert_false(keeps("m", "f", "/home/me/app/other/a.py"));
    only("../../../../x/**");
    assert_true(keeps("m", "f", "/x/a.py"));
    only("a.py");
    assert_true(keeps("m", "f", "/home/me/app/a.py"));
    assert_false(keeps("m", "f", "/home/me/app/src/a.py"));
    only("/srv/app/**");
    assert_true(keeps("m", "f", "/srv/app/a.py"));
    assert_false(keeps("m", "f", "/srv/apple/a.py"));
    only("/srv/app");
    assert_true(keeps("m", "f", "/srv/app/a.py"));
    assert_false(keeps("m", "f", "/srv/apple/a.py"));
}

static void globs(void **state)
{
    (void)state;
    only("src/*.py");
    assert_true(keeps("m", "f", "/home/me/app/src/a.py"));
    assert_false(keeps("m", "f", "/home/me/app/src/deep/a.py"));
    only("**/vendor/**");
    assert_true(keeps("m", "f", "/a/b/vendor/c/d.py"));
    assert_true(keeps("m", "f", "vendor/d.py"));
    assert_false(keeps("m", "f", "/a/b/vendors/d.py"));
    assert_false(keeps("m", "f", "/a/b/myvendor/d.py"));
    only("**/test_*.py");
    assert_true(keeps("m", "f", "/a/test_x.py"));
    assert_true(keeps("m", "f", "test_x.py"));
    assert_false(keeps("m", "f", "/a/my_test_x.py"));
    assert_false(keeps("m", "f", "/a/test_dir/x.pyc"));
    only("src/**/gen/*_pb2.py");
    assert_true(keeps("m", "f", "src/gen/a_pb2.py"));
    assert_true(keeps("m", "f", "src/gen/x/gen/a_b_pb2_pb2.py"));
    assert_false(keeps("m", "f", "src/gen/a_pb3.py"));
    only("a*b*c/d.py");
    assert_true(keeps("m", "f", "axbxbxc/d.py"));
    assert_false(keeps("m", "f", "axbx/c/d.py"));
}

/* Stars that could go on for ever: the work stays bounded. */
static void hostile_text(void **state)
{
    (void)state;
    static char file[2049];
    memset(file, 'a', sizeof(file) - 1);
    only("**/a*a*a*a*a*a*a*b/**/a*a*a*b/**/x.py");
    assert_false(keeps("m", "f", file));
    for (size_t i = 1; i < sizeof(file) - 1; i += 2)
        file[i] = '/';
    assert_false(keeps("m", "f", file));
}

static void sets(void **state)
{
    (void)state;
    const char *json = "/usr/lib/python3.12/json/__init__.py";
    const char *site = "/usr/lib/python3.12/site-packages/requests/api.py";
    const char *dist = "/usr/lib/python3/dist-packages/yaml/__init__.py";
    only("@stdlib");
    assert_true(keeps("json", "f", json));
    assert_true(keeps("os", "f", "<frozen os>"));
    assert_false(keeps("requests", "f", site));
    assert_false(keeps("yaml", "f", dist));
    assert_false(keeps("m", "f", "/usr/lib/python3.12x/m.py"));
    assert_false(keeps("m", "f", "<string>"));
    sites.stdlib[0] = '\0'; /* not known: nothing is in it, not everything */
    assert_false(keeps("json", "f", json));
    only("@site");
    assert_true(keeps("requests", "f", site));
    assert_true(keeps("yaml", "f", dist));
    assert_false(keeps("json", "f", json));
    only("@frozen");
    assert_true(keeps("os", "f", "<frozen os>"));
    assert_false(keeps("json", "f", json));
}

static void skip_wins(void **state)
{
    (void)state;
    begin();
    assert_true(keeps("anything", "f", ""));
    add("app", false);
    add("lib", false);
    add("app.noise", true);
    assert_true(keeps("app", "f", ""));
    assert_true(keeps("lib.x", "f", ""));
    assert_false(keeps("app.noise.deep", "f", ""));
    assert_false(keeps("other", "f", ""));
    begin();
    add("app", true);
    assert_true(keeps("other", "f", ""));
    assert_false(keeps("app", "f", ""));
}

/* Each pattern says for itself whether anything matched it, also where another decides. */
static void matched(void **state)
{
    (void)state;
    begin();
    add("app", false);
    add("app.noise", true);
    add("nowhere", true);
    keeps("app.noise", "f", "");
    assert_true(sites.patterns[0].matched);
    assert_true(sites.patterns[1].matched);
    assert_false(sites.patterns[2].matched);
}

static void refused(const char *text, bool skip, const char *says)
{
    char error[SITES_ERROR_SIZE] = "";
    begin();
    if (sites_add(&sites, text, skip, error))
        fail_msg("`%s` was taken", text);
    if (!strstr(error, says))
        fail_msg("`%s`: %s", text, error);
    assert_int_equal(sites.count, 0);
}

static void refusals(void **state)
{
    (void)state;
    refused("", false, "--only cannot use ``");
    refused("", true, "--skip cannot use ``");
    refused("@std", false, "take @stdlib, @site or @frozen");
    refused("@", false, "take @stdlib, @site or @frozen");
    refused("a b", false, "--only cannot use");
    refused("a..b", true, "--skip cannot use");
    refused(".a", true, "--skip cannot use");
    refused("a.", true, "--skip cannot use");
    refused("a:", true, "--skip cannot use");
    refused(":f", true, "--skip cannot use");
    refused("a:b:c", true, "--skip cannot use");
    refused("a:b..c", true, "--skip cannot use");
    refused("*", true, "--skip cannot use");
    refused("dict..get", true, "--skip cannot use");
    refused("a*:f", true, "--skip cannot use");
}

static bool monitors(const char *name)
{
    sites_note_method(&sites, name);
    return sites_keep_method(&sites, name);
}

static void methods(void **state)
{
    (void)state;
    begin();
    add("dict.get", false);
    add("_io.*.write", false);
    add("deque.*", false);
    add("zlib.crc32", false);
    add("list.*", false);
    add("list.sort", true);
    sites_take_methods(&sites);
    assert_true(monitors("dict.get"));
    assert_false(monitors("dict.pop"));
    assert_true(monitors("_io.StringIO.write"));
    assert_false(monitors("_io.StringIO.read"));
    assert_true(monitors("collections.deque.append"));
    assert_true(monitors("zlib.crc32"));
    assert_false(monitors("zlib.adler32"));
    assert_true(monitors("list.append"));
    assert_false(monitors("list.sort"));
    assert_true(sites.patterns[3].matched);
    /* They limit no function. */
    struct site site = {.module = "app", .name = "f", .qualname = "f", .file = "app.py"};
    assert_true(sites_keep(&sites, &site));
}

static void types(void **state)
{
    (void)state;
    assert_true(sites_keep_type(NULL, "dict"));
    begin();
    add("type:dict", false);
    add("type:shop.*", false);
    add("type:deque", false);
    add("type:shop.Draft", true);
    assert_true(sites_keep_type(&sites, "dict"));
    assert_false(sites_keep_type(&sites, "list"));
    assert_true(sites_keep_type(&sites, "shop.Order"));
    assert_false(sites_keep_type(&sites, "shop.Draft"));
    assert_true(sites_keep_type(&sites, "collections.deque"));
    assert_false(sites_keep_type(&sites, "collections.dictionary"));
    assert_true(sites.patterns[0].matched && sites.patterns[3].matched);
    /* They limit no function, no method and no lines. */
    struct site site = {.module = "app", .name = "f", .qualname = "f", .file = "app.py"};
    assert_true(sites_keep(&sites, &site));
    assert_true(sites_keep_method(&sites, "dict.get"));
    assert_false(sites_name_lines(&sites));
    only("dict.get");
    assert_true(sites_keep_type(&sites, "list"));
    refused("type:", false, "--only cannot use");
    refused("type:a..b", false, "--only cannot use");
}

/* `pkg.sub` is a package as soon as one of its functions comes. */
static void module_or_method(void **state)
{
    (void)state;
    begin();
    add("pkg.sub", false);
    sites_take_methods(&sites);
    struct site other = {.module = "app", .name = "f", .qualname = "f", .file = "app.py"};
    struct site own = {.module = "pkg.sub", .name = "f", .qualname = "f", .file = "sub.py"};
    assert_true(sites_keep(&sites, &other));
    assert_false(monitors("dict.get"));
    assert_true(sites_keep(&sites, &own));
    assert_false(sites_keep(&sites, &other));
    assert_true(monitors("dict.get")); /* no pattern names methods: those of the builtin types */
    assert_true(sites_keep_method(NULL, "builtins.len"));
    assert_false(sites_keep_method(NULL, "zlib.crc32"));
}

static void too_many(void **state)
{
    (void)state;
    char error[SITES_ERROR_SIZE] = "";
    begin();
    for (int i = 0; i < SITES_LIMIT; i++)
        add("app", true);
    assert_false(sites_add(&sites, "app", true, error));
    assert_non_null(strstr(error, "more than 64 patterns"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modules),      cmocka_unit_test(main_module),
        cmocka_unit_test(qualnames),    cmocka_unit_test(without_qualname),
        cmocka_unit_test(paths),        cmocka_unit_test(globs),
        cmocka_unit_test(hostile_text), cmocka_unit_test(sets),
        cmocka_unit_test(skip_wins),    cmocka_unit_test(matched),
        cmocka_unit_test(refusals),     cmocka_unit_test(too_many),
        cmocka_unit_test(methods),      cmocka_unit_test(module_or_method),
        cmocka_unit_test(types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
