// Package clients drives a Sampan API server with client-go, as operators and controllers do. SAMPAN names the binary; every test has a server of its own.
package clients

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	corev1 "k8s.io/api/core/v1"
)

type server struct {
	t       *testing.T
	folder  string
	port    int
	command *exec.Cmd
}

func freePort(t *testing.T) int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// start gives a ready server over an empty store. It ends with the test.
func start(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, folder: t.TempDir(), port: freePort(t)}
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(s.folder, "log"))
			if len(log) > 3000 {
				log = log[len(log)-3000:]
			}
			t.Logf("the server's log:\n%s", log)
		}
	})
	s.launch()
	return s
}

func (s *server) launch() {
	s.t.Helper()
	binary := os.Getenv("SAMPAN")
	if binary == "" {
		s.t.Skip("SAMPAN names no binary")
	}
	log, err := os.OpenFile(filepath.Join(s.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	s.command = exec.Command(binary, "apiserver", "--data-dir="+s.folder, "--secure-port="+strconv.Itoa(s.port), "--bind-address=127.0.0.1")
	s.command.Stdout, s.command.Stderr = log, log
	s.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.command.Start(); err != nil {
		s.t.Fatal(err)
	}
	for range 400 {
		if config, err := s.tryConfig(); err == nil {
			client := kubernetes.NewForConfigOrDie(config)
			if _, err = client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(context.Background()); err == nil {
				return
			}
		}
		time.Sleep(25 * time.Millisecond)
	}
	s.t.Fatal("the server did not become ready")
}

func (s *server) tryConfig() (*rest.Config, error) {
	return clientcmd.BuildConfigFromFlags("", filepath.Join(s.folder, "admin.kubeconfig"))
}

func (s *server) kill() {
	s.command.Process.Kill()
	s.command.Wait()
	s.command = nil
}

func (s *server) stop() {
	if s.command == nil {
		return
	}
	s.command.Process.Signal(syscall.SIGTERM)
	ended := make(chan error, 1)
	go func(c *exec.Cmd) { ended <- c.Wait() }(s.command)
	select {
	case err := <-ended:
		if err != nil {
			s.t.Errorf("the server ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		s.t.Error("the server did not end within 20 s of SIGTERM")
		s.command.Process.Kill()
		<-ended
	}
	s.command = nil
}

func (s *server) config() *rest.Config {
	s.t.Helper()
	config, err := s.tryConfig()
	if err != nil {
		s.t.Fatal(err)
	}
	config.QPS, config.Burst = 1000, 1000
	return config
}

// client is a typed one that speaks JSON.
func (s *server) client() *kubernetes.Clientset {
	config := s.config()
	config.AcceptContentTypes, config.ContentType = "application/json", "application/json"
	return kubernetes.NewForConfigOrDie(config)
}

// protobuf is a typed one that speaks protobuf, as all of Kubernetes' own components do.
func (s *server) protobuf() *kubernetes.Clientset {
	config := s.config()
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	config.ContentType = "application/vnd.kubernetes.protobuf"
	return kubernetes.NewForConfigOrDie(config)
}

func patience(t *testing.T, seconds int) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(seconds)*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits until `done` holds.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("waited 30 s in vain: %s", what)
}

func must[T any](value T, err error) func(*testing.T, string) T {
	return func(t *testing.T, what string) T {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		return value
	}
}

func configMap(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: data}
}

func pod(name string, labels map[string]string) *corev1.Pod {
	no := false
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec:       corev1.PodSpec{AutomountServiceAccountToken: &no, Containers: []corev1.Container{{Name: "main", Image: "registry.example.com/main:1"}}},
	}
}

// withServiceAccount makes what a pod needs where no controller does it.
func withServiceAccount(t *testing.T, client kubernetes.Interface) {
	client.CoreV1().ServiceAccounts("default").Create(patience(t, 10), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}, metav1.CreateOptions{})
}
