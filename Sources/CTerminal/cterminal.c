#define NCURSES_WIDECHAR 1
#define NCURSES_OPAQUE 1
#include "cterminal.h"
#include "ct_internal.h"

#include <curses.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>
#include <wchar.h>

enum { STYLE_LIMIT = 512, ROW_LIMIT = 1024 };

typedef struct {
  int foreground, background;
  attr_t attributes;
  int pair;
} style_entry;

static struct {
  SCREEN *screen;
  FILE *stream;
  int fd;
  bool is_tty;
  bool counting;
  bool mouse;
  int colors;
  int next_pair;
  int style_count;
  style_entry styles[STYLE_LIMIT];
} terminal = {.fd = -1};

int ct_find_tty(void) {
  if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
    return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
  }
  int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  return fd < 0 ? CT_NO_TTY : fd;
}

static void put(const char *bytes, size_t count) {
  ct_write_all(terminal.fd, bytes, count);
}

static void enter_modes(void) {
  static const char on[] = "\033[?2004h\033[?1004h";
  static const char mouse[] = "\033[?1000h\033[?1006h";
  if (!terminal.is_tty) return;
  put(on, sizeof on - 1);
  if (terminal.mouse) put(mouse, sizeof mouse - 1);
}

static void leave_modes(void) {
  static const char off[] = "\033[?1006l\033[?1000l\033[?1004l\033[?2004l";
  if (!terminal.is_tty) return;
  put(off, sizeof off - 1);
}

void ct_set_mouse(bool on) {
  terminal.mouse = on;
  if (!terminal.is_tty) return;
  const char *bytes = on ? "\033[?1000h\033[?1006h" : "\033[?1006l\033[?1000l";
  put(bytes, strlen(bytes));
}

void ct_write(const char *bytes, int count) {
  if (terminal.fd >= 0 && count > 0) put(bytes, (size_t)count);
}

static void set_modes(void) {
  raw();
  noecho();
  nonl();
  leaveok(stdscr, TRUE);
  typeahead(-1);
  curs_set(0);
}

static void give_up(void) {
  if (terminal.screen) {
    endwin();
    delscreen(terminal.screen);
  }
  if (terminal.stream) fclose(terminal.stream);
  terminal.screen = NULL;
  terminal.stream = NULL;
  terminal.fd = -1;
}

int ct_open(const char *term, int fd, bool force_utf8, ct_caps *caps) {
  setlocale(LC_CTYPE, "");
  if (force_utf8 && strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
  memset(caps, 0, sizeof *caps);
  terminal.fd = fd;
  terminal.is_tty = isatty(fd);
  ct_guard_terminal(fd);
  terminal.stream = fdopen(dup(fd), "r+");
  if (!terminal.stream) return CT_FAILED;
  // newterm takes the size from LINES and COLUMNS before the window's own otherwise.
  use_env(FALSE);
  use_tioctl(TRUE);
  const char *name = term && *term ? term : "";
  terminal.screen = *name ? newterm(name, terminal.stream, terminal.stream) : NULL;
  if (!terminal.screen) {
    caps->substituted = 1;
    terminal.screen = newterm("xterm-256color", terminal.stream, terminal.stream);
  }
  if (!terminal.screen) {
    give_up();
    return CT_NO_ENTRY;
  }
  if (!tigetstr("cup") || tigetstr("cup") == (char *)-1) {
    give_up();
    return CT_NO_ADDRESSING;
  }
  set_modes();
  if (has_colors()) {
    start_color();
    use_default_colors();
    terminal.colors = COLORS;
  } else {
    terminal.colors = 0;
  }
  ct_forget_styles();
  caps->colors = terminal.colors;
  caps->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
  ct_guard_screen(true);
  enter_modes();
  return CT_OK;
}

/// Throws away input nobody will read, so that late reports do not land in the shell.
static void drain_input(void) {
  if (terminal.is_tty) flushinp();
}

void ct_close(void) {
  if (!terminal.screen) return;
  leave_modes();
  drain_input();
  give_up();
  ct_guard_screen(false);
}

void ct_suspend(void) {
  leave_modes();
  endwin();
  ct_guard_screen(false);
}

void ct_resume(void) {
  def_shell_mode();
  reset_prog_mode();
  ct_guard_screen(true);
  enter_modes();
  curs_set(0);
  ct_full_redraw();
}

void ct_forget_styles(void) {
  terminal.style_count = 0;
  terminal.next_pair = 1;
}

int ct_style(int foreground, int background, uint32_t attributes) {
  attr_t wanted = A_NORMAL;
  if (attributes & CT_BOLD) wanted |= A_BOLD;
  if (attributes & CT_DIM) wanted |= A_DIM;
  if (attributes & CT_UNDERLINE) wanted |= A_UNDERLINE;
  if (attributes & CT_REVERSE) wanted |= A_REVERSE;
  if (foreground >= terminal.colors) foreground = -1;
  if (background >= terminal.colors) background = -1;
  int pair = 0;
  for (int i = 0; i < terminal.style_count; i++) {
    style_entry *entry = &terminal.styles[i];
    if (entry->foreground != foreground || entry->background != background) continue;
    if (entry->attributes == wanted) return i;
    pair = entry->pair;
  }
  if (terminal.style_count == STYLE_LIMIT) return 0;
  if (pair == 0 && (foreground >= 0 || background >= 0)) {
    pair = terminal.next_pair++;
    if (pair >= COLOR_PAIRS) pair = 0;
    else init_extended_pair(pair, foreground, background);
  }
  terminal.styles[terminal.style_count] =
      (style_entry){foreground, background, wanted, pair};
  return terminal.style_count++;
}

void ct_row(int y, const ct_cell *cells, int count) {
  static cchar_t row[ROW_LIMIT + 1];
  int used = 0;
  if (count > ROW_LIMIT) count = ROW_LIMIT;
  for (int i = 0; i < count; i++) {
    if (cells[i].width == 0) continue;
    wchar_t text[2] = {(wchar_t)cells[i].scalar, 0};
    int width = wcwidth(text[0]);
    if (width != cells[i].width) text[0] = L'?';
    int known = cells[i].style >= 0 && cells[i].style < terminal.style_count;
    style_entry style = known ? terminal.styles[cells[i].style] : (style_entry){0};
    setcchar(&row[used++], text, style.attributes, 0, &style.pair);
    // The C library knows the character as narrower: fill the column it leaves.
    if (cells[i].width == 2 && width != 2) {
      text[0] = L' ';
      setcchar(&row[used++], text, style.attributes, 0, &style.pair);
    }
  }
  mvwadd_wchnstr(stdscr, y, 0, row, used);
}

void ct_count_bytes(bool on) { terminal.counting = on; }

/// Bytes this thread has written so far, by the kernel's account.
static int64_t bytes_written(void) {
  if (!terminal.is_tty) return lseek(terminal.fd, 0, SEEK_CUR);
  char text[512];
  int fd = open("/proc/thread-self/io", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t count = read(fd, text, sizeof text - 1);
  close(fd);
  if (count <= 0) return 0;
  text[count] = 0;
  const char *found = strstr(text, "wchar: ");
  return found ? atoll(found + 7) : 0;
}

int64_t ct_flush(bool sync) {
  static const char begin[] = "\033[?2026h", end[] = "\033[?2026l";
  int64_t before = terminal.counting ? bytes_written() : 0;
  if (sync) put(begin, sizeof begin - 1);
  wnoutrefresh(stdscr);
  doupdate();
  if (sync) put(end, sizeof end - 1);
  return terminal.counting ? bytes_written() - before : -1;
}

void ct_cursor(int y, int x) {
  static int shown = 0;
  int wanted = y >= 0;
  leaveok(stdscr, !wanted);
  if (wanted) wmove(stdscr, y, x);
  if (wanted != shown) curs_set(wanted);
  shown = wanted;
}

void ct_full_redraw(void) { clearok(curscr, TRUE); }

ct_size ct_window_size(void) {
  struct winsize size;
  memset(&size, 0, sizeof size);
  if (terminal.fd < 0 || ioctl(terminal.fd, TIOCGWINSZ, &size) != 0) return (ct_size){0, 0};
  return (ct_size){size.ws_row, size.ws_col};
}

void ct_resize(int row_count, int column_count) {
  if (column_count > ROW_LIMIT) column_count = ROW_LIMIT;
  resizeterm(row_count, column_count);
}
