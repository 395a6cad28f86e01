package clients

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
)

// What every typed client of a kind can do.
type typed[T, L any] interface {
	Create(ctx context.Context, object T, options metav1.CreateOptions) (T, error)
	Update(ctx context.Context, object T, options metav1.UpdateOptions) (T, error)
	Delete(ctx context.Context, name string, options metav1.DeleteOptions) error
	Get(ctx context.Context, name string, options metav1.GetOptions) (T, error)
	List(ctx context.Context, options metav1.ListOptions) (L, error)
	Patch(ctx context.Context, name string, kind types.PatchType, data []byte, options metav1.PatchOptions, subresources ...string) (T, error)
}

// cycle takes one kind through create, get, update, the patches, list and delete.
func cycle[T metav1.Object, L metav1.ListInterface](t *testing.T, client typed[T, L], object T) {
	ctx := patience(t, 30)
	name := object.GetName()
	created := must(client.Create(ctx, object, metav1.CreateOptions{}))(t, "create")
	stamp := created.GetCreationTimestamp()
	if created.GetUID() == "" || created.GetResourceVersion() == "" || stamp.IsZero() {
		t.Errorf("created without uid, resourceVersion or creationTimestamp: %+v", created)
	}
	_, err := client.Create(ctx, object, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		t.Errorf("second create: %v", err)
	}
	got := must(client.Get(ctx, name, metav1.GetOptions{}))(t, "get")
	if !reflect.DeepEqual(got, created) {
		t.Errorf("get gives\n%+v\ncreate gave\n%+v", got, created)
	}
	stale := got.GetResourceVersion()
	got.SetLabels(map[string]string{"step": "updated"})
	updated := must(client.Update(ctx, got, metav1.UpdateOptions{}))(t, "update")
	if updated.GetLabels()["step"] != "updated" || updated.GetResourceVersion() == stale || updated.GetUID() != created.GetUID() {
		t.Errorf("updated: %+v", updated)
	}
	got.SetResourceVersion(stale)
	got.SetLabels(map[string]string{"step": "stale"})
	if _, err := client.Update(ctx, got, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("update of a stale one: %v", err)
	}
	for _, patch := range []struct {
		kind types.PatchType
		data string
	}{
		{types.MergePatchType, `{"metadata":{"annotations":{"merge":"1"}}}`},
		{types.StrategicMergePatchType, `{"metadata":{"annotations":{"strategic":"1"}}}`},
		{types.JSONPatchType, `[{"op":"add","path":"/metadata/annotations/json","value":"1"}]`},
	} {
		must(client.Patch(ctx, name, patch.kind, []byte(patch.data), metav1.PatchOptions{}))(t, string(patch.kind))
	}
	patched := must(client.Get(ctx, name, metav1.GetOptions{}))(t, "get")
	for _, key := range []string{"merge", "strategic", "json"} {
		if patched.GetAnnotations()[key] != "1" {
			t.Errorf("the patch %s left no trace: %v", key, patched.GetAnnotations())
		}
	}
	for selector, want := range map[string]bool{"step=updated": true, "step notin (updated)": false, "step": true, "!step": false} {
		list := must(client.List(ctx, metav1.ListOptions{LabelSelector: selector, FieldSelector: "metadata.name=" + name}))(t, "list")
		if list.GetResourceVersion() == "" || (strings.Contains(fmt.Sprintf("%+v", list), string(created.GetUID()))) != want {
			t.Errorf("list with %q holds it: want %v; %+v", selector, want, list)
		}
	}
	if err := client.Delete(ctx, name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions("another")}); !apierrors.IsConflict(err) {
		t.Errorf("delete with another uid: %v", err)
	}
	// In the background: jobs would otherwise wait for somebody who lets their pods go.
	zero, background := int64(0), metav1.DeletePropagationBackground
	if err := client.Delete(ctx, name, metav1.DeleteOptions{GracePeriodSeconds: &zero, PropagationPolicy: &background}); err != nil {
		t.Errorf("delete: %v", err)
	}
	if _, err := client.Get(ctx, name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("get of a deleted one: %v", err)
	}
}

func meta(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }

func template() corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "a"}}, Spec: pod("x", nil).Spec}
}

func TestTypedClients(t *testing.T) {
	s := start(t)
	withServiceAccount(t, s.client())
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "a"}}
	path := networkingv1.PathTypePrefix
	one := int32(1)
	job := &batchv1.Job{ObjectMeta: meta("job"), Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: pod("x", nil).Spec}}}
	job.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
	for _, media := range []struct {
		name   string
		client *kubernetes.Clientset
	}{{"json", s.client()}, {"protobuf", s.protobuf()}} {
		c := media.client
		t.Run(media.name, func(t *testing.T) {
			t.Run("configmaps", func(t *testing.T) {
				cycle(t, c.CoreV1().ConfigMaps("default"), &corev1.ConfigMap{ObjectMeta: meta("c"), Data: map[string]string{"a": "b"}, BinaryData: map[string][]byte{"z": {0, 255}}})
			})
			t.Run("secrets", func(t *testing.T) {
				cycle(t, c.CoreV1().Secrets("default"), &corev1.Secret{ObjectMeta: meta("s"), Data: map[string][]byte{"a": []byte("b")}})
			})
			t.Run("services", func(t *testing.T) {
				cycle(t, c.CoreV1().Services("default"), &corev1.Service{ObjectMeta: meta("s"), Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "a"},
					Ports: []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromString("http")}, {Name: "b", Port: 81, TargetPort: intstr.FromInt32(8081)}}}})
			})
			t.Run("pods", func(t *testing.T) { cycle(t, c.CoreV1().Pods("default"), pod("p", nil)) })
			t.Run("nodes", func(t *testing.T) { cycle(t, c.CoreV1().Nodes(), &corev1.Node{ObjectMeta: meta("n")}) })
			t.Run("serviceaccounts", func(t *testing.T) {
				cycle(t, c.CoreV1().ServiceAccounts("default"), &corev1.ServiceAccount{ObjectMeta: meta("robot")})
			})
			t.Run("deployments", func(t *testing.T) {
				cycle(t, c.AppsV1().Deployments("default"), &appsv1.Deployment{ObjectMeta: meta("d"), Spec: appsv1.DeploymentSpec{Replicas: &one, Selector: selector, Template: template()}})
			})
			t.Run("statefulsets", func(t *testing.T) {
				cycle(t, c.AppsV1().StatefulSets("default"), &appsv1.StatefulSet{ObjectMeta: meta("s"), Spec: appsv1.StatefulSetSpec{Selector: selector, Template: template(), ServiceName: "s"}})
			})
			t.Run("jobs", func(t *testing.T) { cycle(t, c.BatchV1().Jobs("default"), job.DeepCopy()) })
			t.Run("ingresses", func(t *testing.T) {
				cycle(t, c.NetworkingV1().Ingresses("default"), &networkingv1.Ingress{ObjectMeta: meta("i"), Spec: networkingv1.IngressSpec{Rules: []networkingv1.IngressRule{{Host: "a.example.com",
					IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{Path: "/", PathType: &path,
						Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "s", Port: networkingv1.ServiceBackendPort{Number: 80}}}}}}}}}}})
			})
			t.Run("poddisruptionbudgets", func(t *testing.T) {
				least := intstr.FromString("50%")
				cycle(t, c.PolicyV1().PodDisruptionBudgets("default"), &policyv1.PodDisruptionBudget{ObjectMeta: meta("b"), Spec: policyv1.PodDisruptionBudgetSpec{MinAvailable: &least, Selector: selector}})
			})
			t.Run("leases", func(t *testing.T) {
				holder := "me"
				now := metav1.NowMicro()
				cycle(t, c.CoordinationV1().Leases("default"), &coordinationv1.Lease{ObjectMeta: meta("l"), Spec: coordinationv1.LeaseSpec{HolderIdentity: &holder, RenewTime: &now}})
			})
			t.Run("clusterroles", func(t *testing.T) {
				cycle(t, c.RbacV1().ClusterRoles(), &rbacv1.ClusterRole{ObjectMeta: meta("r"), Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}}}})
			})
		})
	}
}

func TestNamespaceIsEmptiedByNobodyButStaysTerminating(t *testing.T) {
	c := start(t).protobuf()
	ctx := patience(t, 20)
	must(c.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: meta("n")}, metav1.CreateOptions{}))(t, "create")
	if err := c.CoreV1().Namespaces().Delete(ctx, "n", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	got := must(c.CoreV1().Namespaces().Get(ctx, "n", metav1.GetOptions{}))(t, "get")
	if got.Status.Phase != corev1.NamespaceTerminating || got.DeletionTimestamp == nil {
		t.Errorf("a deleted namespace: %+v", got)
	}
	if _, err := c.CoreV1().ConfigMaps("n").Create(ctx, configMap("c", nil), metav1.CreateOptions{}); !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		t.Errorf("create in a namespace that goes: %v", err)
	}
	got.Spec.Finalizers = nil
	must(c.CoreV1().Namespaces().Finalize(ctx, got, metav1.UpdateOptions{}))(t, "finalize")
	if _, err := c.CoreV1().Namespaces().Get(ctx, "n", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("get after finalize: %v", err)
	}
}
