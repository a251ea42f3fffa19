package main

import (
	"time"

	v1 "k8s.io/api/core/v1"
	resourceapi "k8s.io/api/resource/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// testCase is one line of input. Objects are taken as they stand: no defaulting, no validation.
type testCase struct {
	ID                     any                             `json:"id"`
	Pod                    *v1.Pod                         `json:"pod"`
	Nodes                  []*v1.Node                      `json:"nodes"`
	Pods                   []*v1.Pod                       `json:"pods"`
	Namespaces             []*v1.Namespace                 `json:"namespaces"`
	PersistentVolumeClaims []*v1.PersistentVolumeClaim     `json:"persistentVolumeClaims"`
	PersistentVolumes      []*v1.PersistentVolume          `json:"persistentVolumes"`
	StorageClasses         []*storagev1.StorageClass       `json:"storageClasses"`
	CSINodes               []*storagev1.CSINode            `json:"csiNodes"`
	CSIDrivers             []*storagev1.CSIDriver          `json:"csiDrivers"`
	CSIStorageCapacities   []*storagev1.CSIStorageCapacity `json:"csiStorageCapacities"`
	VolumeAttachments      []*storagev1.VolumeAttachment   `json:"volumeAttachments"`
	Services               []*v1.Service                   `json:"services"`
	ReplicaSets            []runtime.RawExtension          `json:"replicaSets"`
	ResourceClaims         []*resourceapi.ResourceClaim    `json:"resourceClaims"`
	ResourceSlices         []*resourceapi.ResourceSlice    `json:"resourceSlices"`
	DeviceClasses          []*resourceapi.DeviceClass      `json:"deviceClasses"`
}

// shelf is an informer that is never run: a case's objects are put straight into its store and its handlers are told
// at once. What the plugins take from a real informer (listers, indexers, events) they take from it unchanged.
type shelf struct {
	cache.SharedIndexInformer
	handlers []cache.ResourceEventHandler
	held     []any
}

func newShelf(factory informers.SharedInformerFactory, example runtime.Object) *shelf {
	s := &shelf{SharedIndexInformer: cache.NewSharedIndexInformer(
		&cache.ListWatch{}, example, 0, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc},
	)}
	factory.InformerFor(example, func(clientset.Interface, time.Duration) cache.SharedIndexInformer { return s })
	return s
}

func (s *shelf) AddEventHandler(handler cache.ResourceEventHandler) (cache.ResourceEventHandlerRegistration, error) {
	return s.AddEventHandlerWithOptions(handler, cache.HandlerOptions{})
}

func (s *shelf) AddEventHandlerWithResyncPeriod(handler cache.ResourceEventHandler, _ time.Duration) (cache.ResourceEventHandlerRegistration, error) {
	return s.AddEventHandlerWithOptions(handler, cache.HandlerOptions{})
}

func (s *shelf) AddEventHandlerWithOptions(handler cache.ResourceEventHandler, options cache.HandlerOptions) (cache.ResourceEventHandlerRegistration, error) {
	s.handlers = append(s.handlers, handler)
	// The registration of a handler that is never called, only to have one to give back.
	return s.SharedIndexInformer.AddEventHandlerWithOptions(cache.ResourceEventHandlerFuncs{}, options)
}

// replace takes the objects of the last case out and puts these in.
func (s *shelf) replace(objects []any) error {
	for _, object := range s.held {
		if err := s.GetIndexer().Delete(object); err != nil {
			return err
		}
		for _, handler := range s.handlers {
			handler.OnDelete(object)
		}
	}
	s.held = objects
	for _, object := range objects {
		if err := s.GetIndexer().Add(object); err != nil {
			return err
		}
		for _, handler := range s.handlers {
			handler.OnAdd(object, false)
		}
	}
	return nil
}

func anyOf[T any](objects []T) []any {
	out := make([]any, len(objects))
	for i, object := range objects {
		out[i] = object
	}
	return out
}
