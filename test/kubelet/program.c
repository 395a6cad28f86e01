// The one program in the tests' image: what it does is its first argument. Linked statically, so that the image needs nothing else.
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

extern char **environ;

static void leave(int signal) {
  (void)signal;
  _exit(0);
}

static int serve(int port, const char *status) {
  int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_ANY)};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 16)) return 1;
  for (;;) {
    int peer = accept(listener, 0, 0);
    char request[4096], answer[256];
    if (read(peer, request, sizeof request) > 0) {
      int size = snprintf(answer, sizeof answer, "HTTP/1.1 %s\r\nContent-Length: 3\r\nConnection: close\r\n\r\nhi\n", status);
      if (write(peer, answer, size) < 0) perror("write");
    }
    close(peer);
  }
}

static int show(const char *path) {
  char buffer[4096];
  int file = open(path, O_RDONLY);
  if (file < 0) return 1;
  for (ssize_t got; (got = read(file, buffer, sizeof buffer)) > 0;)
    if (write(1, buffer, got) < 0) return 1;
  return 0;
}

int main(int count, char **word) {
  const char *what = count > 1 ? word[1] : "pause";
  signal(SIGTERM, leave);
  signal(SIGINT, leave);
  if (!strcmp(what, "stubborn")) signal(SIGTERM, SIG_IGN), what = "pause";
  if (!strcmp(what, "pause"))
    for (;;) pause();
  if (!strcmp(what, "sleep")) return sleep(atoi(word[2])), 0;
  if (!strcmp(what, "exit")) return atoi(word[2]);
  if (!strcmp(what, "exit-after")) return sleep(atoi(word[2])), atoi(word[3]);
  if (!strcmp(what, "echo")) {
    for (int i = 2; i < count; i++) printf("%s%s", word[i], i + 1 < count ? " " : "\n");
    return 0;
  }
  if (!strcmp(what, "environment")) {
    for (char **one = environ; *one; one++) puts(*one);
    return 0;
  }
  if (!strcmp(what, "cat")) return show("/dev/stdin");
  if (!strcmp(what, "size")) {  // of the terminal, when it has changed
    struct winsize size = {0};
    for (int i = 0; i < 200 && size.ws_row == 0; i++) usleep(10000), ioctl(0, TIOCGWINSZ, &size);
    return printf("%dx%d\n", size.ws_row, size.ws_col), 0;
  }
  if (!strcmp(what, "flood")) {  // so many lines, the last words on the other output
    for (int i = 0; i < atoi(word[2]); i++) printf("line %d of a flood that is long enough to fill buffers\n", i);
    return fprintf(stderr, "done\n"), 0;
  }
  if (!strcmp(what, "show")) return show(word[2]);
  if (!strcmp(what, "exists")) return access(word[2], F_OK) != 0;
  if (!strcmp(what, "write")) {
    FILE *file = fopen(word[2], "w");
    return !file || fputs(word[3], file) < 0 || fclose(file);
  }
  if (!strcmp(what, "complain")) {  // a termination message, and a failure
    FILE *file = fopen("/dev/termination-log", "w");
    if (file) fputs(word[2], file), fclose(file);
    return 3;
  }
  if (!strcmp(what, "serve")) return serve(atoi(word[2]), count > 3 ? word[3] : "200 OK");
  fprintf(stderr, "what is %s?\n", what);
  return 2;
}
