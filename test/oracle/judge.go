package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"
	resourceapi "k8s.io/api/resource/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/cache"
	resourceslicetracker "k8s.io/dynamic-resource-allocation/resourceslice/tracker"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/latest"
	internalcache "k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/dynamicresources"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodevolumelimits"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
	"k8s.io/kubernetes/pkg/scheduler/util/assumecache"
)

// judge is one scheduling framework whose stores and snapshot are changed from case to case.
type judge struct {
	ctx       context.Context
	framework framework.Framework
	snapshot  *currentSnapshot

	pods, namespaces, claims, volumes, classes, csiNodes, csiDrivers, services *shelf
	capacities, attachments                                                    *shelf
	resourceClaims, resourceSlices, deviceClasses, nodes                       *shelf
}

// currentSnapshot lets a framework, built once, see each case's own snapshot.
type currentSnapshot struct{ *internalcache.Snapshot }

func (c *currentSnapshot) NodeInfos() fwk.NodeInfoLister       { return c.Snapshot.NodeInfos() }
func (c *currentSnapshot) StorageInfos() fwk.StorageInfoLister { return c.Snapshot.StorageInfos() }

func newJudge() (*judge, error) {
	klog.SetOutput(discard{})
	klog.LogToStderr(false)
	ctx := context.Background()
	metrics.Register()
	client := fake.NewClientset()
	factory := informers.NewSharedInformerFactory(client, 0)
	j := &judge{
		ctx:            ctx,
		snapshot:       &currentSnapshot{internalcache.NewEmptySnapshot()},
		pods:           newShelf(factory, &v1.Pod{}),
		nodes:          newShelf(factory, &v1.Node{}),
		namespaces:     newShelf(factory, &v1.Namespace{}),
		claims:         newShelf(factory, &v1.PersistentVolumeClaim{}),
		volumes:        newShelf(factory, &v1.PersistentVolume{}),
		classes:        newShelf(factory, &storagev1.StorageClass{}),
		csiNodes:       newShelf(factory, &storagev1.CSINode{}),
		csiDrivers:     newShelf(factory, &storagev1.CSIDriver{}),
		capacities:     newShelf(factory, &storagev1.CSIStorageCapacity{}),
		attachments:    newShelf(factory, &storagev1.VolumeAttachment{}),
		services:       newShelf(factory, &v1.Service{}),
		resourceClaims: newShelf(factory, &resourceapi.ResourceClaim{}),
		resourceSlices: newShelf(factory, &resourceapi.ResourceSlice{}),
		deviceClasses:  newShelf(factory, &resourceapi.DeviceClass{}),
	}
	claimCache := assumecache.NewAssumeCache(klog.Background(), j.resourceClaims, "ResourceClaim", "", nil)
	// DeviceTaintRules are not part of a case, so the tracker may pass slices through.
	tracker, err := resourceslicetracker.StartTracker(ctx, resourceslicetracker.Options{
		SliceInformer: factory.Resource().V1().ResourceSlices(),
	})
	if err != nil {
		return nil, fmt.Errorf("tracking resource slices: %w", err)
	}
	devices := dynamicresources.NewDRAManager(ctx, claimCache, tracker, factory)
	handler, ok := devices.DeviceClassResolver().(cache.ResourceEventHandler)
	if !ok {
		return nil, errors.New("the cache of extended resources takes no events")
	}
	if _, err := j.deviceClasses.AddEventHandler(handler); err != nil {
		return nil, err
	}
	configuration, err := latest.Default()
	if err != nil {
		return nil, fmt.Errorf("reading the default profile: %w", err)
	}
	j.framework, err = frameworkruntime.NewFramework(ctx, plugins.NewInTreeRegistry(), &configuration.Profiles[0],
		frameworkruntime.WithClientSet(client),
		frameworkruntime.WithInformerFactory(factory),
		frameworkruntime.WithSharedDRAManager(devices),
		frameworkruntime.WithSharedCSIManager(nodevolumelimits.NewCSIManager(factory.Storage().V1().CSINodes().Lister())),
		frameworkruntime.WithSnapshotSharedLister(j.snapshot),
		frameworkruntime.WithParallelism(1),
	)
	if err != nil {
		return nil, fmt.Errorf("building the framework: %w", err)
	}
	return j, nil
}

// verdicts runs one scheduling cycle's PreFilter and, on every node, Filter.
func (j *judge) verdicts(c *testCase) (map[string]verdict, error) {
	if c.Pod == nil {
		return nil, errors.New("the case has no pod")
	}
	if err := j.load(c); err != nil {
		return nil, err
	}
	out := make(map[string]verdict, len(c.Nodes))
	state := framework.NewCycleState()
	result, status, setPlugins := j.framework.RunPreFilterPlugins(j.ctx, state, c.Pod)
	names := strings.Join(sets.List(setPlugins), ",")
	if !status.IsSuccess() {
		refused := verdictOf(status)
		if refused.Plugin == "" {
			refused.Plugin = names
		}
		for _, node := range c.Nodes {
			out[node.Name] = refused
		}
		return out, nil
	}
	for _, node := range c.Nodes {
		if !result.AllNodes() && !result.NodeNames.Has(node.Name) {
			reason := fmt.Sprintf("node(s) didn't satisfy plugin(s) %v", sets.List(setPlugins))
			out[node.Name] = verdict{Plugin: names, Reasons: []string{reason}}
			continue
		}
		info, err := j.snapshot.NodeInfos().Get(node.Name)
		if err != nil {
			return nil, err
		}
		out[node.Name] = verdictOf(j.framework.RunFilterPlugins(j.ctx, state, c.Pod, info))
	}
	return out, nil
}

func verdictOf(status *fwk.Status) verdict {
	if status.IsSuccess() {
		return verdict{Fits: true}
	}
	reasons := slices.Clone(status.Reasons())
	slices.Sort(reasons)
	return verdict{Plugin: status.Plugin(), Reasons: reasons, Error: !status.IsRejected()}
}

// load puts the case's objects where the plugins look.
func (j *judge) load(c *testCase) error {
	known := sets.New[string]()
	for _, node := range c.Nodes {
		known.Insert(node.Name)
	}
	// The scheduler's cache holds assigned pods that are not finished; a pod of an unknown node is in no snapshot.
	var bound []*v1.Pod
	for _, pod := range c.Pods {
		finished := pod.Status.Phase == v1.PodSucceeded || pod.Status.Phase == v1.PodFailed
		if !finished && pod.Spec.NodeName != "" && known.Has(pod.Spec.NodeName) {
			bound = append(bound, pod)
		}
	}
	j.snapshot.Snapshot = internalcache.NewSnapshot(bound, c.Nodes)
	return errors.Join(
		j.pods.replace(anyOf(c.Pods)),
		j.nodes.replace(anyOf(c.Nodes)),
		j.namespaces.replace(anyOf(c.Namespaces)),
		j.claims.replace(anyOf(c.PersistentVolumeClaims)),
		j.volumes.replace(anyOf(c.PersistentVolumes)),
		j.classes.replace(anyOf(c.StorageClasses)),
		j.csiNodes.replace(anyOf(c.CSINodes)),
		j.csiDrivers.replace(anyOf(c.CSIDrivers)),
		j.capacities.replace(anyOf(c.CSIStorageCapacities)),
		j.attachments.replace(anyOf(c.VolumeAttachments)),
		j.services.replace(anyOf(c.Services)),
		j.deviceClasses.replace(anyOf(c.DeviceClasses)),
		j.resourceSlices.replace(anyOf(c.ResourceSlices)),
		j.resourceClaims.replace(anyOf(c.ResourceClaims)),
	)
}

// discard drops what the scheduler logs: stdout is for verdicts, and a refusal is no news.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

var _ fwk.SharedLister = &currentSnapshot{}
