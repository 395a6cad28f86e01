// What our own images run: one static program without a C library, a few kilobytes large.
//
//   guest pause            does nothing, and buries orphans: the first process of a pod
//   guest hello VERSION    a web server on port 3000 that says its version and its host. Told to end, it answers for a second longer: until then
//                          there may be some who have not heard of it yet
#if defined(__x86_64__)
enum { kRead = 0, kWrite = 1, kClose = 3, kSocket = 41, kAccept = 43, kBind = 49, kListen = 50, kSetsockopt = 54, kWait4 = 61, kUname = 63, kExit = 231,
       kSigaction = 13, kNanosleep = 35, kSetitimer = 38, kShutdown = 48 };
#elif defined(__aarch64__)
enum { kRead = 63, kWrite = 64, kClose = 57, kSocket = 198, kAccept = 202, kBind = 200, kListen = 201, kSetsockopt = 208, kWait4 = 260, kUname = 160,
       kExit = 94, kSigaction = 134, kNanosleep = 101, kSetitimer = 103, kShutdown = 210 };
#endif

static long call(long number, long a, long b, long c, long d, long e) {
#if defined(__x86_64__)
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
  return result;
#else
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
#endif
}

__attribute__((noreturn)) static void leave(int code) {
  for (;;) call(kExit, code, 0, 0, 0, 0);
}

static unsigned long length_of(const char* text) {
  unsigned long n = 0;
  while (text[n]) n++;
  return n;
}

static char* put(char* out, const char* text) {
  while (*text) *out++ = *text++;
  return out;
}

static char* put_number(char* out, unsigned long n) {
  char digits[20];
  int count = 0;
  do digits[count++] = (char)('0' + n % 10);
  while (n /= 10);
  while (count) *out++ = digits[--count];
  return out;
}

// The kernel's struct sigaction. The first process of a namespace gets no signal that it has not asked for.
struct Action {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)(void);
  unsigned long mask;
};

static void on_end(int signal) {
  (void)signal;
  leave(0);
}

static void on_end_in_a_second(int signal) {
  (void)signal;
  static const long timer[4] = {0, 0, 1, 0};
  call(kSetitimer, 0, (long)timer, 0, 0, 0);  // SIGALRM
}

#if defined(__x86_64__)
__asm__(".globl restore\nrestore:\n mov $15, %eax\n syscall\n");
void restore(void);
#define RESTORER restore
#define RESTORER_FLAG 0x04000000ul
#else
#define RESTORER 0
#define RESTORER_FLAG 0ul
#endif

enum { kSigInt = 2, kSigAlarm = 14, kSigTerm = 15, kRestart = 0x10000000 };

// Calls that the signal interrupts go on.
static void on_signal(int signal, void (*handler)(int)) {
  struct Action action = {handler, RESTORER_FLAG | kRestart, RESTORER, 0};
  call(kSigaction, signal, (long)&action, 0, 8, 0);
}

static void run_pause(void) {
  for (;;) {
    // Blocks while there is a child; without one there is nothing to bury, and the next orphan can wait a moment.
    if (call(kWait4, -1, 0, 0, 0, 0) >= 0) continue;
    struct {
      long seconds, nanoseconds;
    } nap = {5, 0};
    call(kNanosleep, (long)&nap, 0, 0, 0, 0);
  }
}

static int is_whole(const char* request, long size) {
  for (long i = 3; i < size; i++)
    if (request[i] == '\n' && request[i - 1] == '\r' && request[i - 2] == '\n') return 1;
  return 0;
}

static void answer(int connection, const char* version, const char* host) {
  static char request[8192];
  long size = 0;
  while (size < (long)sizeof request && !is_whole(request, size)) {
    long n = call(kRead, connection, (long)(request + size), (long)sizeof request - size, 0, 0);
    if (n <= 0) return;
    size += n;
  }
  static char body[512], reply[1024];
  char* end = put(put(put(put(body, "["), version), "] Hello, Kubernetes!, From host: "), host);
  unsigned long body_size = (unsigned long)(end - body);
  char* out = put(reply, "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: ");
  out = put(put_number(out, body_size), "\r\n\r\n");
  for (unsigned long i = 0; i < body_size; i++) *out++ = body[i];
  call(kWrite, connection, (long)reply, out - reply, 0, 0);
  call(kShutdown, connection, 1, 0, 0, 0);
}

static void run_hello(const char* version) {
  on_signal(kSigAlarm, on_end);
  on_signal(kSigTerm, on_end_in_a_second);
  // struct utsname: six fields of 65 bytes, the second is the host's name.
  static char names[6 * 65];
  call(kUname, (long)names, 0, 0, 0, 0);
  long listener = call(kSocket, 10, 1, 0, 0, 0);  // IPv6, which takes IPv4 too
  int one = 1;
  unsigned char any[28] = {10, 0, 3000 >> 8, 3000 & 255};
  long size = sizeof any;
  if (listener < 0) {
    listener = call(kSocket, 2, 1, 0, 0, 0);
    any[0] = 2;
    size = 16;
  }
  call(kSetsockopt, listener, 1, 2, (long)&one, sizeof one);
  if (call(kBind, listener, (long)any, size, 0, 0) < 0 || call(kListen, listener, 128, 0, 0, 0) < 0) {
    const char* why = "cannot listen on port 3000\n";
    call(kWrite, 2, (long)why, (long)length_of(why), 0, 0);
    leave(1);
  }
  for (;;) {
    long connection = call(kAccept, listener, 0, 0, 0, 0);
    if (connection < 0) continue;
    answer((int)connection, version, names + 65);
    call(kClose, connection, 0, 0, 0, 0);
  }
}

__attribute__((used, noreturn)) void begin(long* stack) {
  long count = stack[0];
  char** words = (char**)(stack + 1);
  on_signal(kSigInt, on_end);
  on_signal(kSigTerm, on_end);
  if (count > 2 && words[1][0] == 'h') run_hello(words[2]);
  if (count > 1 && words[1][0] == 'p') run_pause();
  const char* usage = "usage: guest pause | guest hello VERSION\n";
  call(kWrite, 2, (long)usage, (long)length_of(usage), 0, 0);
  leave(2);
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call begin\n");
#else
__asm__(".globl _start\n_start:\n mov x0, sp\n b begin\n");
#endif
