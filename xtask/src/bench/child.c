/* What is waited for and supervised: a program that starts as fast as any, and does one thing.
 *
 *   child stamp FILE NAME            notes the moment and ends
 *   child idle FILE NAME             notes the moment and stays, doing nothing
 *   child write FILE NAME BYTES      notes the moment, writes BYTES of lines, notes the moment again and stays
 *   child orphans FILE NAME COUNT    notes the moment, leaves COUNT orphans that end soon, and stays
 *   child strays FILE NAME COUNT     leaves COUNT orphans with sessions of their own, each of which notes the moment; all stay
 *
 * A moment is a line `NAME PID NANOSECONDS` (CLOCK_MONOTONIC) at the end of FILE, added in one write.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WIDTH 100
#define LINES 640

static void stamp(const char *file, const char *name)
{
    struct timespec now;
    char line[256];
    int to = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    clock_gettime(CLOCK_MONOTONIC, &now);
    int len = snprintf(line, sizeof line, "%s %d %lld\n", name, getpid(), now.tv_sec * 1000000000LL + now.tv_nsec);
    if (to < 0 || write(to, line, len) != len)
        _exit(1);
    close(to);
}

static void stay(void)
{
    for (;;)
        pause();
}

/* Lines of WIDTH bytes: `line 000000000042 of many, ...`, many at a time, as a program with a buffer writes them. */
static void write_lines(long long bytes)
{
    static char block[LINES * WIDTH];
    const char *rest = " of many that this service has to say, each as long as lines are as a rule, and all alike";
    long long lines = bytes / WIDTH, number = 0;
    for (int at = 0; at < LINES; at++) {
        char *line = block + at * WIDTH;
        memset(line, '.', WIDTH);
        memcpy(line + 17, rest, strlen(rest) < WIDTH - 18 ? strlen(rest) : WIDTH - 18);
        line[WIDTH - 1] = '\n';
    }
    while (number < lines) {
        int count = lines - number < LINES ? lines - number : LINES;
        for (int at = 0; at < count; at++) {
            char *line = block + at * WIDTH;
            long long left = number++;
            memcpy(line, "line ", 5);
            for (int digit = 16; digit > 4; digit--, left /= 10)
                line[digit] = '0' + left % 10;
        }
        for (long done = 0, all = (long)count * WIDTH; done < all;) {
            long some = write(1, block + done, all - done);
            if (some < 0)
                _exit(1);
            done += some;
        }
    }
}

/* The one in the middle ends at once, so that COUNT children lose their parent. */
static void leave(const char *file, const char *name, int count, int stray)
{
    for (int at = 0; at < count; at++) {
        if (fork() != 0)
            continue;
        if (stray)
            setsid();
        if (fork() != 0)
            _exit(0);
        if (stray) {
            stamp(file, name);
            stay();
        }
        usleep(20000);
        _exit(0);
    }
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    const char *verb = argv[1], *file = argv[2], *name = argv[3];
    long long number = argc > 4 ? atoll(argv[4]) : 0;
    if (strcmp(verb, "strays") != 0)
        stamp(file, name);
    if (strcmp(verb, "stamp") == 0)
        return 0;
    if (strcmp(verb, "write") == 0) {
        write_lines(number);
        stamp(file, name);
    }
    if (strcmp(verb, "orphans") == 0 || strcmp(verb, "strays") == 0)
        leave(file, name, number, strcmp(verb, "strays") == 0);
    /* Its own children are its own business: only those that lost their parent are for others to reap. */
    while (wait(NULL) > 0)
        ;
    stay();
}
