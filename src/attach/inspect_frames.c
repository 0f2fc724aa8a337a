/* SPDX-License-Identifier: MIT */
/* Names and lines of frames.
 * Why: see inspect_frames.h.
 * Rules: as inspect_frames.h. */
#include "attach/inspect_frames.h"

#include "attach/inspect_locals.h"

struct inspect_frame *inspect_frames_read(const struct inspect_frames_source *source,
                                          const struct stack_frame *frames, const uint64_t *names,
                                          size_t count)
{
    const struct objects *objects = source->objects;
    struct inspect_frame *result = arena_array(objects->arena, count + 1, sizeof(*result));
    for (size_t i = 0; result && i < count; i++) {
        /* Valid until the next one is asked for: locals come last. */
        const struct code *code = codes_get(source->codes, objects, frames[i].code);
        if (!code)
            return NULL;
        const char *name = NULL;
        if (names && names[i] && !objects->layout.code_qualname)
            name = objects_text(objects, names[i], OBJECTS_TEXT_MOST, NULL);
        result[i] = (struct inspect_frame){
            .name = name ? name : code->name,
            .file = code->file,
            .line = codes_line(code, objects->layout.minor, frames[i].instruction),
        };
        if (source->locals)
            inspect_locals_read(objects, source->codes, &frames[i], &result[i]);
    }
    return result;
}
