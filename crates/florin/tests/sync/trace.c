/* Preloaded into the server by tests/it/sync.rs: records, in one order over all threads, what is
 * written to the write-ahead log, when that log is synced, and which answers leave.
 *
 * A record is `<kind> <begin> <end> <flag> [names…]`, where begin and end are places in the common order
 * taken before and after the call. Names are the customers' names (PREFIX and digits) in the bytes.
 *   W  write to the log; flag 1 where it is the page with which a transaction ends
 *   S  sync of the log; flag 1 where it succeeded
 *   A  write to a socket that begins an answer; flag is its status
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PREFIX "probe-"
#define DIGITS 6
#define FRAME_HEADER_BYTES 24

enum kind { OTHER, LOG, SOCKET };

static atomic_long order = 1;
static atomic_int last_frame = 0;

static int trace_file(void) {
    static atomic_int file = -1;
    int known = atomic_load(&file);
    if (known >= 0) return known;
    const char *path = getenv("SYNC_TRACE");
    if (!path) return -1;
    int opened = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int none = -1;
    if (!atomic_compare_exchange_strong(&file, &none, opened)) close(opened);
    return atomic_load(&file);
}

static enum kind kind_of(int fd) {
    char link[64], target[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, target, sizeof target - 1);
    if (length < 4) return OTHER;
    target[length] = 0;
    if (strncmp(target, "socket:", 7) == 0) return SOCKET;
    return strcmp(target + length - 4, "-wal") == 0 ? LOG : OTHER;
}

static int is_number(const char *digits) {
    for (int place = 0; place < DIGITS; place++)
        if (digits[place] < '0' || digits[place] > '9') return 0;
    return 1;
}

static void record(char kind, long begin, int flag, const char *bytes, size_t length) {
    char line[16384];
    long end = atomic_fetch_add(&order, 1);
    int used = snprintf(line, sizeof line, "%c %ld %ld %d", kind, begin, end, flag);
    const char *at = bytes, *stop = bytes + length;
    while (at && at < stop && used < (int)sizeof line - 64) {
        at = memmem(at, stop - at, PREFIX, strlen(PREFIX));
        if (!at) break;
        size_t name = strlen(PREFIX) + DIGITS;
        if (at + name > stop) break;
        if (is_number(at + strlen(PREFIX)))
            used += snprintf(line + used, sizeof line - used, " %.*s", (int)name, at);
        at += strlen(PREFIX);
    }
    line[used++] = '\n';
    syscall(SYS_write, trace_file(), line, used);
}

static void written(int fd, long begin, const char *bytes, ssize_t length) {
    if (length <= 0 || trace_file() < 0) return;
    switch (kind_of(fd)) {
    case LOG: {
        /* A frame is a header, then a page. The header of a transaction's last frame holds the size of
         * the database in pages, any other header zero. The log has one writer at a time. */
        int ends = atomic_exchange(&last_frame, 0);
        if (length == FRAME_HEADER_BYTES)
            atomic_store(&last_frame, memcmp(bytes + 4, "\0\0\0\0", 4) != 0);
        record('W', begin, ends, bytes, length);
        break;
    }
    case SOCKET:
        if (length > 12 && memcmp(bytes, "HTTP/1.1 ", 9) == 0)
            record('A', begin, atoi(bytes + 9), bytes, length);
        break;
    case OTHER:
        break;
    }
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *bytes, size_t length) {
    long begin = atomic_fetch_add(&order, 1);
    ssize_t done = REAL(write)(fd, bytes, length);
    written(fd, begin, bytes, done);
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
    long begin = atomic_fetch_add(&order, 1);
    ssize_t done = REAL(pwrite)(fd, bytes, length, at);
    written(fd, begin, bytes, done);
    return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    long begin = atomic_fetch_add(&order, 1);
    ssize_t done = REAL(pwrite64)(fd, bytes, length, at);
    written(fd, begin, bytes, done);
    return done;
}

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
    long begin = atomic_fetch_add(&order, 1);
    ssize_t done = REAL(send)(fd, bytes, length, flags);
    written(fd, begin, bytes, done);
    return done;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    static _Thread_local char joined[65536];
    size_t length = 0;
    for (int part = 0; part < count; part++) {
        size_t room = sizeof joined - length, wanted = parts[part].iov_len;
        size_t taken = wanted < room ? wanted : room;
        memcpy(joined + length, parts[part].iov_base, taken);
        length += taken;
    }
    long begin = atomic_fetch_add(&order, 1);
    ssize_t done = REAL(writev)(fd, parts, count);
    written(fd, begin, joined, done < (ssize_t)length ? done : (ssize_t)length);
    return done;
}

static int synced(int fd, long begin, int outcome) {
    if (trace_file() >= 0 && kind_of(fd) == LOG) record('S', begin, outcome == 0, NULL, 0);
    return outcome;
}

int fsync(int fd) {
    long begin = atomic_fetch_add(&order, 1);
    return synced(fd, begin, REAL(fsync)(fd));
}

int fdatasync(int fd) {
    long begin = atomic_fetch_add(&order, 1);
    return synced(fd, begin, REAL(fdatasync)(fd));
}
