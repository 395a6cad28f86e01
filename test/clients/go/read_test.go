package clients

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/pager"
)

func next(t *testing.T, ctx context.Context, w watch.Interface) watch.Event {
	t.Helper()
	select {
	case event, open := <-w.ResultChan():
		if !open {
			t.Fatal("the watch ended")
		}
		return event
	case <-ctx.Done():
		t.Fatal("no event came")
	}
	return watch.Event{}
}

func TestWatchesWithInitialEventsAndBookmarks(t *testing.T) {
	s := start(t)
	for name, client := range map[string]*kubernetes.Clientset{"json": s.client(), "protobuf": s.protobuf()} {
		t.Run(name, func(t *testing.T) {
			ctx := patience(t, 30)
			maps := client.CoreV1().ConfigMaps("kube-public")
			for i := range 5 {
				must(maps.Create(ctx, configMap(fmt.Sprintf("%s-%d", name, i), nil), metav1.CreateOptions{}))(t, "create")
			}
			yes := true
			w := must(maps.Watch(ctx, metav1.ListOptions{SendInitialEvents: &yes, AllowWatchBookmarks: true, ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan}))(t, "watch")
			defer w.Stop()
			names := map[string]bool{}
			for {
				event := next(t, ctx, w)
				c, is := event.Object.(*corev1.ConfigMap)
				if !is {
					t.Fatalf("%s %+v", event.Type, event.Object)
				}
				if event.Type == watch.Bookmark {
					if c.Annotations[metav1.InitialEventsAnnotationKey] != "true" || c.ResourceVersion == "" {
						t.Errorf("the bookmark after the initial events: %+v", c)
					}
					break
				}
				if event.Type != watch.Added {
					t.Errorf("%s among the initial events", event.Type)
				}
				names[c.Name] = true
			}
			for i := range 5 {
				if !names[fmt.Sprintf("%s-%d", name, i)] {
					t.Errorf("%d is missing among the initial events", i)
				}
			}
			first := name + "-0"
			must(maps.Patch(ctx, first, "application/merge-patch+json", []byte(`{"data":{"a":"b"}}`), metav1.PatchOptions{}))(t, "patch")
			if event := next(t, ctx, w); event.Type != watch.Modified || event.Object.(*corev1.ConfigMap).Data["a"] != "b" {
				t.Errorf("after a patch: %+v", event)
			}
			if err := maps.Delete(ctx, first, metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			if event := next(t, ctx, w); event.Type != watch.Deleted || event.Object.(*corev1.ConfigMap).Name != first {
				t.Errorf("after a deletion: %+v", event)
			}
		})
	}
}

func TestWatchesFromARevisionAndWithSelectors(t *testing.T) {
	ctx := patience(t, 30)
	maps := start(t).protobuf().CoreV1().ConfigMaps("default")
	list := must(maps.List(ctx, metav1.ListOptions{}))(t, "list")
	c := configMap("c", nil)
	must(maps.Create(ctx, c, metav1.CreateOptions{}))(t, "create")
	for _, label := range []string{"in", "in", "out"} {
		must(maps.Patch(ctx, "c", "application/merge-patch+json", fmt.Appendf(nil, `{"metadata":{"labels":{"l":"%s"},"annotations":{"at":"%p"}}}`, label, &label), metav1.PatchOptions{}))(t, "patch")
	}
	w := must(maps.Watch(ctx, metav1.ListOptions{ResourceVersion: list.ResourceVersion, LabelSelector: "l=in"}))(t, "watch")
	defer w.Stop()
	// An object that comes into the selection is added, one that leaves it is deleted.
	if event := next(t, ctx, w); event.Type != watch.Added {
		t.Errorf("%+v", event)
	}
	event := next(t, ctx, w)
	if event.Type == watch.Modified {
		event = next(t, ctx, w)
	}
	if event.Type != watch.Deleted {
		t.Errorf("%+v", event)
	}
}

func TestPagesShowOneRevision(t *testing.T) {
	ctx := patience(t, 60)
	client := start(t).protobuf()
	maps := client.CoreV1().ConfigMaps("default")
	const count = 57
	for i := range count {
		must(maps.Create(ctx, configMap(fmt.Sprintf("c%02d", i), nil), metav1.CreateOptions{}))(t, "create")
	}
	page := must(maps.List(ctx, metav1.ListOptions{Limit: 10}))(t, "first page")
	if page.RemainingItemCount == nil || *page.RemainingItemCount < count-10 {
		t.Errorf("remainingItemCount is %v", page.RemainingItemCount)
	}
	var names []string
	for revision := page.ResourceVersion; ; {
		for _, c := range page.Items {
			names = append(names, c.Name)
		}
		if page.Continue == "" {
			break
		}
		// What happens meanwhile is not seen.
		maps.Delete(ctx, "c50", metav1.DeleteOptions{})
		maps.Create(ctx, configMap("c45a", nil), metav1.CreateOptions{})
		page = must(maps.List(ctx, metav1.ListOptions{Limit: 10, Continue: page.Continue}))(t, "next page")
		if page.ResourceVersion != revision {
			t.Errorf("a later page is of revision %s, the first of %s", page.ResourceVersion, revision)
		}
	}
	names = slices.DeleteFunc(names, func(n string) bool { return n == "kube-root-ca.crt" })
	if len(names) != count || !slices.IsSorted(names) || slices.Contains(names, "c45a") || !slices.Contains(names, "c50") {
		t.Errorf("the pages together: %v", names)
	}
	if _, err := maps.List(ctx, metav1.ListOptions{Limit: 10, Continue: "nonsense"}); !apierrors.IsBadRequest(err) {
		t.Errorf("a continue token that is none: %v", err)
	}
	seen := 0
	err := pager.New(pager.SimplePageFunc(func(o metav1.ListOptions) (runtime.Object, error) { o.Limit = 7; return maps.List(ctx, o) })).EachListItem(ctx, metav1.ListOptions{}, func(runtime.Object) error { seen++; return nil })
	if err != nil || seen < count {
		t.Errorf("the pager saw %d: %v", seen, err)
	}
}

func TestDiscovery(t *testing.T) {
	s := start(t)
	client := discovery.NewDiscoveryClientForConfigOrDie(s.config())
	version := must(client.ServerVersion())(t, "version")
	if version.Major != "1" || version.Minor != "36" {
		t.Errorf("version %+v", version)
	}
	_, resources, err := client.ServerGroupsAndResources()
	if err != nil {
		t.Fatal(err)
	}
	served := map[string]bool{}
	for _, list := range resources {
		for _, r := range list.APIResources {
			served[list.GroupVersion+"/"+r.Name] = true
		}
	}
	for _, want := range strings.Fields(`v1/pods v1/pods/status v1/pods/eviction v1/services v1/namespaces/finalize apps/v1/deployments apps/v1/deployments/scale batch/v1/jobs batch/v1/cronjobs
		networking.k8s.io/v1/ingresses rbac.authorization.k8s.io/v1/clusterroles storage.k8s.io/v1/storageclasses policy/v1/poddisruptionbudgets coordination.k8s.io/v1/leases
		discovery.k8s.io/v1/endpointslices autoscaling/v2/horizontalpodautoscalers scheduling.k8s.io/v1/priorityclasses flowcontrol.apiserver.k8s.io/v1/flowschemas`) {
		if !served[want] {
			t.Errorf("%s is not served", want)
		}
	}
	must(client.ServerPreferredResources())(t, "preferred resources")
	if v2 := must(client.OpenAPISchema())(t, "openapi v2"); len(v2.GetPaths().GetPath()) < 100 || len(v2.GetDefinitions().GetAdditionalProperties()) < 100 {
		t.Errorf("openapi v2 has %d paths and %d definitions", len(v2.GetPaths().GetPath()), len(v2.GetDefinitions().GetAdditionalProperties()))
	}
	paths := must(client.OpenAPIV3().Paths())(t, "openapi v3")
	for _, want := range []string{"api/v1", "apis/apps/v1"} {
		if paths[want] == nil {
			t.Errorf("openapi v3 lacks %s", want)
			continue
		}
		if document := must(paths[want].Schema("application/json"))(t, want); len(document) < 100000 {
			t.Errorf("openapi v3 of %s is %d bytes", want, len(document))
		}
	}
}

func TestDynamicAndMetadataClients(t *testing.T) {
	s := start(t)
	ctx := patience(t, 60)
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(discovery.NewDiscoveryClientForConfigOrDie(s.config())))
	mapping := must(mapper.RESTMapping(schema.GroupKind{Group: "apps", Kind: "Deployment"}))(t, "mapping")
	if mapping.Resource.Resource != "deployments" || mapping.Scope.Name() != "namespace" {
		t.Errorf("mapping %+v", mapping)
	}
	client := dynamic.NewForConfigOrDie(s.config()).Resource(mapping.Resource).Namespace("default")
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "d"},
		"spec": map[string]any{"selector": map[string]any{"matchLabels": map[string]any{"app": "a"}}, "template": map[string]any{"metadata": map[string]any{"labels": map[string]any{"app": "a"}},
			"spec": map[string]any{"containers": []any{map[string]any{"name": "c", "image": "i"}}}}}}}
	created := must(client.Create(ctx, object, metav1.CreateOptions{}))(t, "create")
	if replicas, _, _ := unstructured.NestedInt64(created.Object, "spec", "replicas"); replicas != 1 {
		t.Errorf("replicas default to %d", replicas)
	}
	unstructured.SetNestedField(created.Object, int64(3), "spec", "replicas")
	updated := must(client.Update(ctx, created, metav1.UpdateOptions{}))(t, "update")
	if updated.GetGeneration() != 2 {
		t.Errorf("generation %d", updated.GetGeneration())
	}
	unstructured.SetNestedField(updated.Object, int64(2), "status", "replicas")
	status := must(client.UpdateStatus(ctx, updated, metav1.UpdateOptions{}))(t, "status")
	if n, _, _ := unstructured.NestedInt64(status.Object, "status", "replicas"); n != 2 || status.GetGeneration() != 2 {
		t.Errorf("status.replicas %d, generation %d", n, status.GetGeneration())
	}
	_, err := client.Create(ctx, &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "bad"}, "spec": map[string]any{"replicas": int64(-1)}}}, metav1.CreateOptions{})
	if !apierrors.IsInvalid(err) {
		t.Errorf("an invalid one: %v", err)
	}
	partial := metadata.NewForConfigOrDie(s.config()).Resource(mapping.Resource).Namespace("default")
	meta := must(partial.Get(ctx, "d", metav1.GetOptions{}))(t, "metadata")
	if meta.Name != "d" || meta.UID != created.GetUID() {
		t.Errorf("metadata %+v", meta)
	}
	metas := must(partial.List(ctx, metav1.ListOptions{}))(t, "metadata list")
	if len(metas.Items) != 1 || metas.ResourceVersion == "" {
		t.Errorf("metadata list %+v", metas)
	}
}
