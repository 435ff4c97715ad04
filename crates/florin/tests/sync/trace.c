/* Preloaded into the server by tests/it/sync.rs and usage_sync.rs: records, in one order over all threads,
 * what is written to the write-ahead log, when that log is synced, which answers leave, and how the table
 * files of usage come to their names.
 *
 * A record is `<kind> <begin> <end> <flag> [names…]`, where begin and end are places in the common order
 * taken before and after the call. Names are those (PREFIX and digits) in the bytes, or a path.
 *   W  write to the log; flag 1 where it is the page with which a transaction ends
 *   S  sync of the log; flag 1 where it succeeded
 *   A  write to a socket that begins an answer; flag is its status
 *   N  a table file gets a name; flag 1 where it succeeded
 *   Y  sync of a table file, or of a folder of them; flag 1 where it succeeded
 *
 * SYNC_TRACE is the file of records, SYNC_TRACE_LOG the name with which the log's path ends, and
 * SYNC_TRACE_TABLES the folder of the table files.
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

enum kind { OTHER, LOG, SOCKET, TABLE };

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

static int is_table(const char *path) {
    const char *folder = getenv("SYNC_TRACE_TABLES");
    size_t length = folder ? strlen(folder) : 0;
    if (!length || strncmp(path, folder, length) != 0) return 0;
    /* Not what only begins alike, as usage.db does. */
    return path[length] == 0 || path[length] == '/';
}

static enum kind named_kind(int fd, char *target, size_t room) {
    char link[64];
    const char *log = getenv("SYNC_TRACE_LOG");
    if (!log) log = "-wal";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, target, room - 1);
    if (length < (ssize_t)strlen(log)) return OTHER;
    target[length] = 0;
    if (strncmp(target, "socket:", 7) == 0) return SOCKET;
    if (is_table(target)) return TABLE;
    return strcmp(target + length - strlen(log), log) == 0 ? LOG : OTHER;
}

static enum kind kind_of(int fd) {
    char target[512];
    return named_kind(fd, target, sizeof target);
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

static void record_path(char kind, long begin, int flag, const char *path) {
    char line[1024];
    long end = atomic_fetch_add(&order, 1);
    int used = snprintf(line, sizeof line, "%c %ld %ld %d %s\n", kind, begin, end, flag, path);
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
    case TABLE:
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
    char target[512];
    if (trace_file() < 0) return outcome;
    switch (named_kind(fd, target, sizeof target)) {
    case LOG:
        record('S', begin, outcome == 0, NULL, 0);
        break;
    case TABLE:
        record_path('Y', begin, outcome == 0, target);
        break;
    default:
        break;
    }
    return outcome;
}

static int named(const char *path, long begin, int outcome) {
    if (trace_file() >= 0 && is_table(path)) record_path('N', begin, outcome == 0, path);
    return outcome;
}

int rename(const char *from, const char *to) {
    long begin = atomic_fetch_add(&order, 1);
    return named(to, begin, REAL(rename)(from, to));
}

int link(const char *from, const char *to) {
    long begin = atomic_fetch_add(&order, 1);
    return named(to, begin, REAL(link)(from, to));
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    long begin = atomic_fetch_add(&order, 1);
    return named(to, begin, REAL(linkat)(from_folder, from, to_folder, to, flags));
}

int fsync(int fd) {
    long begin = atomic_fetch_add(&order, 1);
    return synced(fd, begin, REAL(fsync)(fd));
}

int fdatasync(int fd) {
    long begin = atomic_fetch_add(&order, 1);
    return synced(fd, begin, REAL(fdatasync)(fd));
}
