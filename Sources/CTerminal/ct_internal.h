/// What the parts of this target know of each other.
#ifndef CT_INTERNAL_H
#define CT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

/// Writes everything, waiting where the terminal is slow; gives up on an error.
void ct_write_all(int fd, const char *bytes, size_t count);

/// Remembers the terminal's modes, to be restored on a crash.
void ct_guard_terminal(int fd);

/// Whether the screen is ours now.
void ct_guard_screen(bool is_up);

#endif
