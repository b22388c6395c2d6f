#include "cterminal.h"
#include "ct_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

static const int loop_signals[] = {SIGWINCH, SIGTSTP, SIGHUP, SIGTERM, SIGINT};
static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGILL,  SIGTRAP,
                                    SIGFPE,  SIGABRT, SIGQUIT, SIGSYS};
enum { CRASH_SIGNALS = sizeof crash_signals / sizeof *crash_signals };

static struct {
  int signal_fd;
  int wakeup_fd;
  int saved_output;
  int saved_error;
  int log_fd;
} descriptors = {-1, -1, -1, -1, -1};

static struct {
  int fd;
  bool has_modes;
  struct termios modes;
  volatile sig_atomic_t screen_is_up;
  const char *report;
  off_t log_start;
  struct sigaction old[CRASH_SIGNALS];
} guard = {.fd = -1};

void ct_write_all(int fd, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t written = write(fd, bytes, count);
    if (written > 0) {
      bytes += written;
      count -= (size_t)written;
    } else if (written < 0 && errno == EAGAIN) {
      struct pollfd ready = {fd, POLLOUT, 0};
      if (poll(&ready, 1, 1000) <= 0) return;
    } else if (!(written < 0 && errno == EINTR)) {
      return;
    }
  }
}

static sigset_t loop_signal_set(void) {
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < sizeof loop_signals / sizeof *loop_signals; i++) {
    sigaddset(&set, loop_signals[i]);
  }
  return set;
}

void ct_block_signals(void) {
  sigset_t set = loop_signal_set();
  sigprocmask(SIG_BLOCK, &set, NULL);
  // A pipe nobody reads is an error to handle, not a reason to die with the screen up.
  signal(SIGPIPE, SIG_IGN);
}

int ct_signal_fd(void) {
  if (descriptors.signal_fd < 0) {
    sigset_t set = loop_signal_set();
    descriptors.signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  }
  return descriptors.signal_fd;
}

int ct_next_signal(void) {
  struct signalfd_siginfo info;
  ssize_t count = read(ct_signal_fd(), &info, sizeof info);
  return count == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

void ct_stop_self(void) { kill(0, SIGSTOP); }

int ct_wakeup_fd(void) {
  if (descriptors.wakeup_fd < 0) {
    descriptors.wakeup_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  }
  return descriptors.wakeup_fd;
}

void ct_wake(void) {
  uint64_t one = 1;
  ssize_t ignored = write(descriptors.wakeup_fd, &one, sizeof one);
  (void)ignored;
}

void ct_drain_wakeups(void) {
  uint64_t count;
  ssize_t ignored = read(descriptors.wakeup_fd, &count, sizeof count);
  (void)ignored;
}

int ct_redirect_output(int log_fd) {
  descriptors.saved_output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
  descriptors.saved_error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
  descriptors.log_fd = log_fd;
  guard.log_start = lseek(log_fd, 0, SEEK_END);
  if (dup2(log_fd, STDOUT_FILENO) < 0 || dup2(log_fd, STDERR_FILENO) < 0) return CT_FAILED;
  return CT_OK;
}

void ct_restore_output(void) {
  if (descriptors.saved_output >= 0) dup2(descriptors.saved_output, STDOUT_FILENO);
  if (descriptors.saved_error >= 0) dup2(descriptors.saved_error, STDERR_FILENO);
  if (descriptors.saved_output >= 0) close(descriptors.saved_output);
  if (descriptors.saved_error >= 0) close(descriptors.saved_error);
  descriptors.saved_output = descriptors.saved_error = descriptors.log_fd = -1;
}

void ct_guard_terminal(int fd) {
  guard.fd = fd;
  guard.has_modes = tcgetattr(fd, &guard.modes) == 0;
}

void ct_guard_screen(bool is_up) { guard.screen_is_up = is_up; }

/// Shows what was printed while the screen was up; async-signal-safe.
static void replay_log(void) {
  char text[2048];
  if (descriptors.log_fd < 0) return;
  off_t end = lseek(descriptors.log_fd, 0, SEEK_END);
  off_t start = end - (off_t)sizeof text;
  if (start < guard.log_start) start = guard.log_start;
  ssize_t count = pread(descriptors.log_fd, text, sizeof text, start);
  if (count > 0) ct_write_all(guard.fd, text, (size_t)count);
}

static void restore_screen(void) {
  static const char off[] =
      "\033[?2026l\033[?1006l\033[?1003l\033[?1002l\033[?1000l\033[?1004l\033[?2004l"
      "\033[m\033[?25h\033[?1l\033>\033[?1049l\r";
  if (!guard.screen_is_up) return;
  guard.screen_is_up = 0;
  ct_write_all(guard.fd, off, sizeof off - 1);
  if (guard.has_modes) tcsetattr(guard.fd, TCSANOW, &guard.modes);
  if (guard.report) ct_write_all(guard.fd, guard.report, strlen(guard.report));
  replay_log();
  if (descriptors.saved_output >= 0) dup2(descriptors.saved_output, STDOUT_FILENO);
  if (descriptors.saved_error >= 0) dup2(descriptors.saved_error, STDERR_FILENO);
}

static void on_crash(int number, siginfo_t *info, void *context) {
  int saved_errno = errno;
  restore_screen();
  for (int i = 0; i < CRASH_SIGNALS; i++) {
    if (crash_signals[i] != number) continue;
    sigaction(number, &guard.old[i], NULL);
    // A fault happens again under the handler before ours, its address intact. A signal that was
    // sent does not, so it is passed on.
    if (number == SIGABRT || number == SIGQUIT || info->si_code <= 0) {
      if (guard.old[i].sa_flags & SA_SIGINFO) guard.old[i].sa_sigaction(number, info, context);
      else raise(number);
    }
  }
  errno = saved_errno;
}

void ct_install_guard(const char *report) {
  static char stack[64 * 1024];
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  stack_t current;
  if (sigaltstack(NULL, &current) == 0 && (current.ss_flags & SS_DISABLE)) {
    sigaltstack(&alternate, NULL);
  }
  guard.report = report;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_crash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (int i = 0; i < CRASH_SIGNALS; i++) {
    sigaction(crash_signals[i], &action, &guard.old[i]);
  }
}
