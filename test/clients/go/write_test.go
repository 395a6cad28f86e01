package clients

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	applyapps "k8s.io/client-go/applyconfigurations/apps/v1"
	apply "k8s.io/client-go/applyconfigurations/core/v1"
	applymeta "k8s.io/client-go/applyconfigurations/meta/v1"
)

func TestApplyWithConflicts(t *testing.T) {
	ctx := patience(t, 30)
	maps := start(t).client().CoreV1().ConfigMaps("default")
	as := func(manager string) metav1.ApplyOptions { return metav1.ApplyOptions{FieldManager: manager} }
	of := func(data map[string]string) *apply.ConfigMapApplyConfiguration {
		return apply.ConfigMap("c", "default").WithData(data)
	}

	must(maps.Apply(ctx, of(map[string]string{"a": "1", "b": "1"}), as("one")))(t, "apply")
	must(maps.Apply(ctx, of(map[string]string{"b": "1", "c": "2"}), as("two")))(t, "apply the same value")
	_, err := maps.Apply(ctx, of(map[string]string{"a": "2"}), as("two"))
	if !apierrors.IsConflict(err) || !strings.Contains(err.Error(), `conflict with "one"`) || !apierrors.HasStatusCause(err, metav1.CauseTypeFieldManagerConflict) {
		t.Errorf("apply of another's field: %v", err)
	}
	force := as("two")
	force.Force = true
	got := must(maps.Apply(ctx, of(map[string]string{"a": "2"}), force))(t, "apply by force")
	// Two no longer names c: it is gone. b stays, it is also one's.
	if got.Data["a"] != "2" || got.Data["b"] != "1" || len(got.Data) != 2 {
		t.Errorf("after force: %v", got.Data)
	}
	got = must(maps.Apply(ctx, of(nil), as("one")))(t, "apply nothing")
	if got.Data["a"] != "2" || len(got.Data) != 1 {
		t.Errorf("after one let go: %v", got.Data)
	}
	before := got.ResourceVersion
	got = must(maps.Apply(ctx, of(map[string]string{"a": "2"}), as("two")))(t, "apply again")
	if got.ResourceVersion != before {
		t.Error("an apply that changes nothing wrote")
	}
	extracted := must(apply.ExtractConfigMap(got, "two"))(t, "extract")
	if extracted.Data["a"] != "2" || len(extracted.Data) != 1 {
		t.Errorf("extracted %v", extracted.Data)
	}
}

func TestApplyMergesListsByKey(t *testing.T) {
	ctx := patience(t, 30)
	deployments := start(t).client().AppsV1().Deployments("default")
	labels := map[string]string{"app": "a"}
	base := func(containers ...*apply.ContainerApplyConfiguration) *applyapps.DeploymentApplyConfiguration {
		return applyapps.Deployment("d", "default").WithSpec(applyapps.DeploymentSpec().WithSelector(applymeta.LabelSelector().WithMatchLabels(labels)).
			WithTemplate(apply.PodTemplateSpec().WithLabels(labels).WithSpec(apply.PodSpec().WithContainers(containers...))))
	}
	main := apply.Container().WithName("main").WithImage("main:1").WithPorts(apply.ContainerPort().WithContainerPort(80))
	side := apply.Container().WithName("side").WithImage("side:1")
	must(deployments.Apply(ctx, base(main), metav1.ApplyOptions{FieldManager: "one"}))(t, "apply")
	got := must(deployments.Apply(ctx, base(side), metav1.ApplyOptions{FieldManager: "two"}))(t, "apply")
	if c := got.Spec.Template.Spec.Containers; len(c) != 2 || c[0].Name != "main" || c[1].Name != "side" || c[0].Ports[0].Protocol != corev1.ProtocolTCP {
		t.Errorf("containers %+v", c)
	}
	got = must(deployments.Apply(ctx, base(), metav1.ApplyOptions{FieldManager: "two"}))(t, "apply")
	if c := got.Spec.Template.Spec.Containers; len(c) != 1 || c[0].Name != "main" {
		t.Errorf("containers after two let go: %+v", c)
	}
}

func TestDryRun(t *testing.T) {
	ctx := patience(t, 30)
	maps := start(t).protobuf().CoreV1().ConfigMaps("default")
	all := []string{metav1.DryRunAll}
	made := must(maps.Create(ctx, configMap("c", map[string]string{"a": "1"}), metav1.CreateOptions{DryRun: all}))(t, "create")
	if made.UID == "" || made.ResourceVersion != "" {
		t.Errorf("a dry create: %+v", made)
	}
	if _, err := maps.Get(ctx, "c", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Fatalf("a dry create left: %v", err)
	}
	real := must(maps.Create(ctx, configMap("c", map[string]string{"a": "1"}), metav1.CreateOptions{}))(t, "create")
	dry := must(maps.Patch(ctx, "c", "application/merge-patch+json", []byte(`{"data":{"a":"2"}}`), metav1.PatchOptions{DryRun: all}))(t, "patch")
	if dry.Data["a"] != "2" || dry.ResourceVersion != real.ResourceVersion {
		t.Errorf("a dry patch: %+v", dry)
	}
	if err := maps.Delete(ctx, "c", metav1.DeleteOptions{DryRun: all}); err != nil {
		t.Error(err)
	}
	if err := maps.DeleteCollection(ctx, metav1.DeleteOptions{DryRun: all}, metav1.ListOptions{}); err != nil {
		t.Error(err)
	}
	got := must(maps.Get(ctx, "c", metav1.GetOptions{}))(t, "get")
	if got.Data["a"] != "1" || got.ResourceVersion != real.ResourceVersion {
		t.Errorf("after dry runs: %+v", got)
	}
	if _, err := maps.Create(ctx, configMap("x", nil), metav1.CreateOptions{DryRun: []string{"Some"}}); !apierrors.IsInvalid(err) {
		t.Errorf("dryRun=Some: %v", err)
	}
}

func TestEvictionKeepsToTheBudget(t *testing.T) {
	ctx := patience(t, 30)
	client := start(t).protobuf()
	withServiceAccount(t, client)
	pods := client.CoreV1().Pods("default")
	ready := func(name string) {
		p := must(pods.Create(ctx, pod(name, map[string]string{"app": "a"}), metav1.CreateOptions{}))(t, "create")
		p.Status.Phase = corev1.PodRunning
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		must(pods.UpdateStatus(ctx, p, metav1.UpdateOptions{}))(t, "status")
	}
	evict := func(name string) error {
		zero := int64(0)
		return pods.EvictV1(ctx, &policyv1.Eviction{ObjectMeta: meta(name), DeleteOptions: &metav1.DeleteOptions{GracePeriodSeconds: &zero}})
	}
	ready("free")
	if err := evict("free"); err != nil {
		t.Fatalf("eviction without a budget: %v", err)
	}
	if _, err := pods.Get(ctx, "free", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("after eviction: %v", err)
	}
	ready("p1")
	ready("p2")
	budgets := client.PolicyV1().PodDisruptionBudgets("default")
	least := intstr.FromInt32(1)
	budget := must(budgets.Create(ctx, &policyv1.PodDisruptionBudget{ObjectMeta: meta("b"), Spec: policyv1.PodDisruptionBudgetSpec{MinAvailable: &least,
		Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "a"}}}}, metav1.CreateOptions{}))(t, "budget")
	budget.Status = policyv1.PodDisruptionBudgetStatus{ObservedGeneration: budget.Generation, DisruptionsAllowed: 1, CurrentHealthy: 2, DesiredHealthy: 1, ExpectedPods: 2}
	must(budgets.UpdateStatus(ctx, budget, metav1.UpdateOptions{}))(t, "status")
	if err := evict("p1"); err != nil {
		t.Errorf("eviction within the budget: %v", err)
	}
	err := evict("p2")
	if !apierrors.IsTooManyRequests(err) || !apierrors.HasStatusCause(err, policyv1.DisruptionBudgetCause) {
		t.Errorf("eviction beyond the budget: %v", err)
	}
	got := must(budgets.Get(ctx, "b", metav1.GetOptions{}))(t, "budget")
	if _, marked := got.Status.DisruptedPods["p1"]; got.Status.DisruptionsAllowed != 0 || !marked {
		t.Errorf("the budget after an eviction: %+v", got.Status)
	}
}

func TestScaleSubresource(t *testing.T) {
	ctx := patience(t, 30)
	client := start(t).protobuf()
	deployments := client.AppsV1().Deployments("default")
	labels := map[string]string{"app": "a"}
	must(deployments.Create(ctx, &appsv1.Deployment{ObjectMeta: meta("d"), Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: template()}}, metav1.CreateOptions{}))(t, "create")
	scale := must(deployments.GetScale(ctx, "d", metav1.GetOptions{}))(t, "scale")
	if scale.Spec.Replicas != 1 || scale.Status.Selector != "app=a" {
		t.Errorf("scale %+v", scale)
	}
	scale.Spec = autoscalingv1.ScaleSpec{Replicas: 4}
	must(deployments.UpdateScale(ctx, "d", scale, metav1.UpdateOptions{}))(t, "scale up")
	if d := must(deployments.Get(ctx, "d", metav1.GetOptions{}))(t, "get"); *d.Spec.Replicas != 4 || d.Generation != 2 {
		t.Errorf("after scale: %d replicas, generation %d", *d.Spec.Replicas, d.Generation)
	}
}

func TestBindingAndGracefulDeletion(t *testing.T) {
	ctx := patience(t, 30)
	client := start(t).protobuf()
	withServiceAccount(t, client)
	pods := client.CoreV1().Pods("default")
	must(pods.Create(ctx, pod("p", nil), metav1.CreateOptions{}))(t, "create")
	binding := &corev1.Binding{ObjectMeta: meta("p"), Target: corev1.ObjectReference{Kind: "Node", Name: "n"}}
	if err := pods.Bind(ctx, binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := pods.Bind(ctx, binding, metav1.CreateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("second binding: %v", err)
	}
	if err := pods.Delete(ctx, "p", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	p := must(pods.Get(ctx, "p", metav1.GetOptions{}))(t, "a pod on a node waits for its node agent")
	if p.Spec.NodeName != "n" || p.DeletionTimestamp == nil || *p.DeletionGracePeriodSeconds != 30 {
		t.Errorf("a pod that ends: %+v", p)
	}
	if err := pods.Delete(ctx, "p", *metav1.NewDeleteOptions(0)); err != nil {
		t.Fatal(err)
	}
	if _, err := pods.Get(ctx, "p", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("after the agent's deletion: %v", err)
	}
}
