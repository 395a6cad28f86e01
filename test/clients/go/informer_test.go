package clients

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// What an informer's handlers were told.
type told struct {
	sync.Mutex
	added, deleted map[string]int
	revisions      map[string]bool
}

func (o *told) handler() cache.ResourceEventHandlerFuncs {
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) {
			o.Lock()
			defer o.Unlock()
			c := object.(*corev1.ConfigMap)
			o.added[c.Name]++
			o.revisions[c.ResourceVersion] = true
		},
		UpdateFunc: func(_, object any) {
			o.Lock()
			defer o.Unlock()
			o.revisions[object.(*corev1.ConfigMap).ResourceVersion] = true
		},
		DeleteFunc: func(object any) {
			o.Lock()
			defer o.Unlock()
			key, _ := cache.DeletionHandlingMetaNamespaceKeyFunc(object)
			_, name, _ := cache.SplitMetaNamespaceKey(key)
			o.deleted[name]++
		},
	}
}

func (o *told) saw(revision string) bool {
	o.Lock()
	defer o.Unlock()
	return o.revisions[revision]
}

func TestInformersGoOnAfterTheServerWasKilled(t *testing.T) {
	s := start(t)
	for name, client := range map[string]*kubernetes.Clientset{"json": s.client(), "protobuf": s.protobuf()} {
		t.Run(name, func(t *testing.T) {
			ctx := patience(t, 120)
			maps := client.CoreV1().ConfigMaps("default")
			seen := &told{added: map[string]int{}, deleted: map[string]int{}, revisions: map[string]bool{}}
			factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace("default"), informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = "of=" + name }))
			informer := factory.Core().V1().ConfigMaps().Informer()
			informer.AddEventHandler(seen.handler())
			factory.Start(ctx.Done())
			factory.WaitForCacheSync(ctx.Done())

			object := func(i int) *corev1.ConfigMap {
				c := configMap(fmt.Sprintf("%s-%d", name, i), nil)
				c.Labels = map[string]string{"of": name}
				return c
			}
			const count = 40
			for i := range count / 2 {
				must(maps.Create(ctx, object(i), metav1.CreateOptions{}))(t, "create")
			}
			s.kill()
			s.launch()
			for i := count / 2; i < count; i++ {
				must(maps.Create(ctx, object(i), metav1.CreateOptions{}))(t, "create after the restart")
			}
			eventually(t, "all objects in the informer's store", func() bool { return len(informer.GetStore().List()) == count })
			// From here on the watch stands again: every single change must arrive.
			var revisions []string
			for i := range count {
				for range 3 {
					c := must(maps.Patch(ctx, object(i).Name, "application/merge-patch+json", fmt.Appendf(nil, `{"data":{"at":"%d"}}`, time.Now().UnixNano()), metav1.PatchOptions{}))(t, "patch")
					revisions = append(revisions, c.ResourceVersion)
				}
			}
			for _, revision := range revisions {
				eventually(t, "the change of revision "+revision, func() bool { return seen.saw(revision) })
			}
			for i := range count / 2 {
				if err := maps.Delete(ctx, object(i).Name, metav1.DeleteOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, "the deletions", func() bool { seen.Lock(); defer seen.Unlock(); return len(seen.deleted) == count/2 })
			seen.Lock()
			defer seen.Unlock()
			for i := range count {
				if n := object(i).Name; seen.added[n] != 1 || seen.deleted[n] > 1 {
					t.Errorf("%s was added %d times and deleted %d times", n, seen.added[n], seen.deleted[n])
				}
			}
		})
	}
}

func TestInformersOfManyKinds(t *testing.T) {
	s := start(t)
	client := s.protobuf()
	ctx := patience(t, 60)
	factory := informers.NewSharedInformerFactory(client, 0)
	synced := []cache.InformerSynced{
		factory.Core().V1().Pods().Informer().HasSynced, factory.Core().V1().Services().Informer().HasSynced, factory.Core().V1().Nodes().Informer().HasSynced,
		factory.Core().V1().Secrets().Informer().HasSynced, factory.Core().V1().Namespaces().Informer().HasSynced, factory.Core().V1().PersistentVolumes().Informer().HasSynced,
		factory.Apps().V1().Deployments().Informer().HasSynced, factory.Apps().V1().ReplicaSets().Informer().HasSynced, factory.Batch().V1().Jobs().Informer().HasSynced,
		factory.Discovery().V1().EndpointSlices().Informer().HasSynced, factory.Rbac().V1().ClusterRoles().Informer().HasSynced, factory.Coordination().V1().Leases().Informer().HasSynced,
		factory.Storage().V1().StorageClasses().Informer().HasSynced, factory.Policy().V1().PodDisruptionBudgets().Informer().HasSynced,
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), synced...) {
		t.Fatal("the informers did not sync")
	}
	if _, err := factory.Core().V1().Namespaces().Lister().Get("default"); err != nil {
		t.Error(err)
	}
	must(client.CoreV1().Services("default").Create(ctx, &corev1.Service{ObjectMeta: meta("s"), Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}, metav1.CreateOptions{}))(t, "create")
	eventually(t, "the service", func() bool {
		_, err := factory.Core().V1().Services().Lister().Services("default").Get("s")
		return err == nil
	})
}

func TestLeaderElection(t *testing.T) {
	s := start(t)
	var guard sync.Mutex
	leading, most, history := 0, 0, []string{}
	run := func(name string) context.CancelFunc {
		ctx, cancel := context.WithCancel(context.Background())
		t.Cleanup(cancel)
		client := s.protobuf()
		elector := must(leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock:          &resourcelock.LeaseLock{LeaseMeta: metav1.ObjectMeta{Namespace: "default", Name: "lead"}, Client: client.CoordinationV1(), LockConfig: resourcelock.ResourceLockConfig{Identity: name}},
			LeaseDuration: 3 * time.Second, RenewDeadline: 2 * time.Second, RetryPeriod: 200 * time.Millisecond, ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) {
					guard.Lock()
					defer guard.Unlock()
					leading++
					most = max(most, leading)
					history = append(history, name)
				},
				OnStoppedLeading: func() {
					guard.Lock()
					defer guard.Unlock()
					if len(history) > 0 && history[len(history)-1] == name {
						leading--
					}
				},
			},
		}))(t, "elector")
		go elector.Run(ctx)
		return cancel
	}
	leads := func(count int) func() bool {
		return func() bool { guard.Lock(); defer guard.Unlock(); return len(history) == count }
	}
	first := run("a")
	eventually(t, "a leads", leads(1))
	run("b")
	time.Sleep(700 * time.Millisecond)
	if !leads(1)() {
		t.Error("b leads beside a")
	}
	first()
	eventually(t, "b leads once a has let go", leads(2))
	guard.Lock()
	defer guard.Unlock()
	if most != 1 || history[1] != "b" {
		t.Errorf("%d led at once; %v", most, history)
	}
}

func TestLeasesRefuseTwoHolders(t *testing.T) {
	leases := start(t).client().CoordinationV1().Leases("default")
	ctx := patience(t, 30)
	must(leases.Create(ctx, &coordinationv1.Lease{ObjectMeta: meta("l")}, metav1.CreateOptions{}))(t, "create")
	const clients = 8
	var wins sync.WaitGroup
	results := make([]int, clients)
	for i := range clients {
		wins.Add(1)
		go func() {
			defer wins.Done()
			for round := 0; round < 10; {
				lease, err := leases.Get(ctx, "l", metav1.GetOptions{})
				if err == nil {
					n := int32(1)
					if lease.Spec.LeaseTransitions != nil {
						n = *lease.Spec.LeaseTransitions + 1
					}
					lease.Spec.LeaseTransitions = &n
					_, err = leases.Update(ctx, lease, metav1.UpdateOptions{})
				}
				if err == nil {
					round, results[i] = round+1, results[i]+1
				} else if !apierrors.IsConflict(err) {
					t.Error(err)
					return
				}
			}
		}()
	}
	wins.Wait()
	lease := must(leases.Get(ctx, "l", metav1.GetOptions{}))(t, "get")
	if *lease.Spec.LeaseTransitions != clients*10 {
		t.Errorf("%d clients counted to %d; %d updates were accepted", clients, *lease.Spec.LeaseTransitions, clients*10)
	}
}
