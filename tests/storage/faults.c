/* A disk that fails: preloaded into a process, fails the n-th change to the files below a folder.
 *
 * faults_arm(folder, at, kind, log, acknowledged) arms it. Every call that changes a file or makes
 * a change durable counts as one. At count `at` it does what `kind` says; with a `log` it records
 * every change and every write to the descriptor `acknowledged`, in order, so that what a power
 * cut leaves at any moment can be worked out afterwards (see faults.py for the layout).
 *
 * It stands on system calls alone, so nothing it does passes through itself.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum kind { NONE, EIO_ONCE, EIO_ON, FULL, SHORT, TORN, BEFORE, AFTER };
enum verdict { PASS, FAIL, HALF, HALF_AND_DIE, DIE_AFTER };

static char folder[PATH_MAX];
static size_t folder_length;
static long fail_at, count;
static enum kind fail_how;
static int log_fd = -1, acknowledged_fd = -1, armed;

void faults_arm(const char *below, long at, int how, int log, int acknowledged) {
    snprintf(folder, sizeof folder, "%s", below);
    folder_length = strlen(folder);
    fail_at = at, fail_how = (enum kind)how, log_fd = log, acknowledged_fd = acknowledged;
    count = 0, armed = 1;
}

long faults_count(void) { return count; }

static int is_below(const char *path) {
    return armed && path && !strncmp(path, folder, folder_length) &&
           (path[folder_length] == '/' || !path[folder_length]);
}

static int is_watched(int fd) {
    char link[64], path[PATH_MAX];
    if (!armed) return 0;
    int kept = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    errno = kept;
    if (length < 0) return 0;
    path[length] = 0;
    return is_below(path);
}

static void die(void) {
    syscall(SYS_kill, (long)getpid(), SIGKILL);
    for (;;) pause();
}

/* What becomes of the next change; `grows`: it needs room on the disk. */
static enum verdict judge(int grows) {
    long n = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
    if (!fail_at || n < fail_at) return PASS;
    if (n > fail_at) {
        if (fail_how == EIO_ON) return errno = EIO, FAIL;
        if (fail_how == FULL && grows) return errno = ENOSPC, FAIL;
        return PASS;
    }
    switch (fail_how) {
    case EIO_ONCE:
    case EIO_ON: return errno = EIO, FAIL;
    case FULL: return grows ? (errno = ENOSPC, FAIL) : PASS;
    case SHORT: return HALF;
    case TORN: return HALF_AND_DIE;
    case BEFORE: die(); return PASS;
    case AFTER: return DIE_AFTER;
    default: return PASS;
    }
}

static void put(const void *data, size_t size) {
    const char *next = data;
    while (size) {
        long done = syscall(SYS_write, (long)log_fd, next, size);
        if (done <= 0) die(); /* a log with a hole would prove nothing */
        next += done, size -= (size_t)done;
    }
}

/* One record: what, inode, offset, and two byte strings behind their lengths. */
static void note(char what, uint64_t inode, uint64_t offset, const void *a, size_t n_a,
                 const void *b, size_t n_b) {
    if (log_fd < 0) return;
    int kept = errno;
    uint64_t numbers[4] = {inode, offset, n_a, n_b};
    put(&what, 1), put(numbers, sizeof numbers), put(a, n_a), put(b, n_b);
    errno = kept;
}

static uint64_t inode_of(int fd) {
    struct stat facts;
    return fstat(fd, &facts) ? 0 : (uint64_t)facts.st_ino;
}

static ssize_t changed(int fd, const void *data, size_t size, off_t offset, int is_at) {
    if (armed && fd == acknowledged_fd) note('A', 0, 0, data, size, "", 0);
    if (!is_watched(fd))
        return is_at ? syscall(SYS_pwrite64, (long)fd, data, size, offset)
                     : syscall(SYS_write, (long)fd, data, size);
    enum verdict verdict = judge(1);
    if (verdict == FAIL) return -1;
    if ((verdict == HALF || verdict == HALF_AND_DIE) && size > 1) size /= 2;
    if (!is_at) {
        int flags = (int)syscall(SYS_fcntl, (long)fd, F_GETFL);
        offset = (off_t)syscall(SYS_lseek, (long)fd, 0L, flags & O_APPEND ? SEEK_END : SEEK_CUR);
    }
    ssize_t done = is_at ? syscall(SYS_pwrite64, (long)fd, data, size, offset)
                         : syscall(SYS_write, (long)fd, data, size);
    if (done > 0) note('W', inode_of(fd), (uint64_t)offset, data, (size_t)done, "", 0);
    if (verdict == HALF_AND_DIE || verdict == DIE_AFTER) die();
    return done;
}

ssize_t write(int fd, const void *data, size_t size) { return changed(fd, data, size, 0, 0); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    return changed(fd, data, size, offset, 1);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    return changed(fd, data, size, offset, 1);
}

static int synced(int fd, long call) {
    if (!is_watched(fd)) return (int)syscall(call, (long)fd);
    enum verdict verdict = judge(0);
    if (verdict == FAIL) return -1;
    int failed = (int)syscall(call, (long)fd);
    if (!failed) {
        char link[64], path[PATH_MAX];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path);
        note('S', inode_of(fd), 0, path, length < 0 ? 0 : (size_t)length, "", 0);
    }
    if (verdict == HALF_AND_DIE || verdict == DIE_AFTER) die();
    return failed;
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

static int cut(int fd, off_t size) {
    if (!is_watched(fd)) return (int)syscall(SYS_ftruncate, (long)fd, size);
    enum verdict verdict = judge(0);
    if (verdict == FAIL) return -1;
    int failed = (int)syscall(SYS_ftruncate, (long)fd, size);
    if (!failed) note('T', inode_of(fd), (uint64_t)size, "", 0, "", 0);
    if (verdict == HALF_AND_DIE || verdict == DIE_AFTER) die();
    return failed;
}

int ftruncate(int fd, off_t size) { return cut(fd, size); }
int ftruncate64(int fd, off64_t size) { return cut(fd, size); }

static int named(char what, long call, int from, const char *old, int to, const char *new,
                 long flags) {
    int is_watched_name = is_below(old) || is_below(new);
    enum verdict verdict = is_watched_name ? judge(0) : PASS;
    if (verdict == FAIL) return -1;
    int failed = what == 'U' ? (int)syscall(call, (long)from, old, flags)
                             : (int)syscall(call, (long)from, old, (long)to, new, flags);
    if (!failed && is_watched_name)
        note(what, 0, 0, old, strlen(old), new ? new : "", new ? strlen(new) : 0);
    if (verdict == HALF_AND_DIE || verdict == DIE_AFTER) die();
    return failed;
}

int rename(const char *old, const char *new) {
    return named('R', SYS_renameat2, AT_FDCWD, old, AT_FDCWD, new, 0);
}
int renameat(int from, const char *old, int to, const char *new) {
    return named('R', SYS_renameat2, from, old, to, new, 0);
}
int link(const char *old, const char *new) {
    return named('L', SYS_linkat, AT_FDCWD, old, AT_FDCWD, new, 0);
}
int linkat(int from, const char *old, int to, const char *new, int flags) {
    return named('L', SYS_linkat, from, old, to, new, flags);
}
int unlink(const char *path) { return named('U', SYS_unlinkat, AT_FDCWD, path, 0, NULL, 0); }
int unlinkat(int from, const char *path, int flags) {
    return named('U', SYS_unlinkat, from, path, 0, NULL, flags);
}

static int opened(int from, const char *path, int flags, mode_t mode) {
    if (!is_below(path) || !(flags & (O_CREAT | O_TRUNC)))
        return (int)syscall(SYS_openat, (long)from, path, (long)flags, (long)mode);
    int is_new = syscall(SYS_faccessat, AT_FDCWD, path, F_OK) != 0;
    int changes = is_new || flags & O_TRUNC;
    errno = 0;
    enum verdict verdict = changes ? judge(is_new) : PASS;
    if (verdict == FAIL) return -1;
    int fd = (int)syscall(SYS_openat, (long)from, path, (long)flags, (long)mode);
    if (fd >= 0 && is_new) note('C', inode_of(fd), 0, path, strlen(path), "", 0);
    else if (fd >= 0 && changes) note('T', inode_of(fd), 0, "", 0, "", 0);
    if (verdict == HALF_AND_DIE || verdict == DIE_AFTER) die();
    return fd;
}

#define OPEN_MODE                                                                                  \
    mode_t mode = 0;                                                                               \
    if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE) {                                     \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode = (mode_t)va_arg(rest, int);                                                          \
        va_end(rest);                                                                              \
    }

int open(const char *path, int flags, ...) { OPEN_MODE return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) {
    OPEN_MODE return opened(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}
int openat(int from, const char *path, int flags, ...) {
    OPEN_MODE return opened(from, path, flags, mode);
}
int openat64(int from, const char *path, int flags, ...) {
    OPEN_MODE return opened(from, path, flags | O_LARGEFILE, mode);
}
