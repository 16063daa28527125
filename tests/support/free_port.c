#include "support/free_port.h"

#include "support/testing.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_free(int port) {
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return ok;
}

int free_port(void) {
    enum { FIRST = 20000, N = 8000 };
    for (int i = 0; i < N; i += 2) {
        int port = FIRST + (getpid() * 2 + i) % N;
        if (is_free(port) && is_free(port + 1))
            return port;
    }
    fail_msg("no two free ports in a row");
    return 0;
}
