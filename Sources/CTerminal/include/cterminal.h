/// The terminal as Vise uses it: rows of styled cells out, raw bytes and signals in.
///
/// Only this target sees <curses.h>. All functions but the crash guard's handlers are for one
/// thread, the one that called ct_open.
#ifndef CTERMINAL_H
#define CTERMINAL_H

#include <stdbool.h>
#include <stdint.h>

/// One cell: a scalar value one or two columns wide, and a style from ct_style.
typedef struct {
  uint32_t scalar;
  int16_t style;
  /// Columns: 1 or 2, or 0 for the right half of a wide cell, which is skipped.
  int16_t width;
} ct_cell;

typedef struct {
  int32_t rows;
  int32_t columns;
} ct_size;

/// What the terminal can do.
typedef struct {
  int32_t colors;
  int32_t utf8;
  /// 1 where TERM had no entry and xterm-256color stands in.
  int32_t substituted;
} ct_caps;

enum { CT_OK = 0, CT_NO_ENTRY = -1, CT_NO_ADDRESSING = -2, CT_NO_TTY = -3, CT_FAILED = -4 };

enum { CT_BOLD = 1, CT_DIM = 2, CT_UNDERLINE = 4, CT_REVERSE = 8 };

/// Finds the terminal: a duplicate of standard input where that and standard output are
/// terminals, else /dev/tty. Returns a descriptor or CT_NO_TTY.
int ct_find_tty(void);

/// Starts curses on `fd`, which may be a plain file in tests. `term` may be NULL. `force_utf8`
/// draws in UTF-8 whatever the locale says.
int ct_open(const char *term, int fd, bool force_utf8, ct_caps *caps);

/// Leaves the screen, restores the terminal's modes and forgets everything; `fd` stays open.
void ct_close(void);

/// Gives the terminal back to the shell, and takes it again.
void ct_suspend(void);
void ct_resume(void);

/// The style of a foreground and background (-1 for the terminal's own) and CT_ attributes.
int ct_style(int foreground, int background, uint32_t attributes);
/// Forgets all styles, for a change of theme.
void ct_forget_styles(void);

/// Puts `count` cells at the start of row `y`. Takes effect with ct_flush.
void ct_row(int y, const ct_cell *cells, int count);
/// Sends what changed, in one synchronized update where `sync` is set. Returns bytes written
/// where ct_count_bytes is on, else -1.
int64_t ct_flush(bool sync);
/// Counts the bytes of each ct_flush; costs a system call or two.
void ct_count_bytes(bool on);
/// Shows the text cursor, or hides it where `y` is negative.
void ct_cursor(int y, int x);
void ct_full_redraw(void);

/// The window's size, or 0 x 0 where the descriptor has none.
ct_size ct_window_size(void);
void ct_resize(int rows, int columns);

/// Writes `count` bytes past curses, such as a mode switch.
void ct_write(const char *bytes, int count);
/// Modes of our own: mouse reports, bracketed paste, focus reports. Remembered over suspends.
void ct_set_mouse(bool on);

/// Blocks the signals the loop reads; to be called before any other thread exists.
void ct_block_signals(void);
int ct_signal_fd(void);
/// Takes one pending signal, or 0.
int ct_next_signal(void);
/// Stops the process group until the shell continues it.
void ct_stop_self(void);

/// A descriptor that becomes readable by ct_wake from any thread.
int ct_wakeup_fd(void);
void ct_wake(void);
void ct_drain_wakeups(void);

/// Sends standard output and error to `log_fd` until ct_restore_output.
int ct_redirect_output(int log_fd);
void ct_restore_output(void);

/// Restores the terminal on a crash before the program's own handlers see it. `report` is
/// written after that, and then what was logged since; it must stay valid.
void ct_install_guard(const char *report);

#endif
