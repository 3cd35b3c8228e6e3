package main

import (
	"context"
	"fmt"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
)

type change struct {
	kind                    string
	at, count, step, number int
}

type store interface {
	cache() cache.Cache
	change(change, int64) error
	// Prepares for nodes that are going to connect.
	nodes(int) error
	// Milliseconds to bytes and versions of everything, and of everything again after one change.
	compile() (all, one float64)
}

func newStore(mode string, all fixtures) store {
	current := &content{all: all, parts: map[string][]types.Resource{}, versions: map[string]int{}}
	for _, url := range urls {
		current.parts[url] = append([]types.Resource{}, all[url][base]...)
		current.versions[url] = 1
	}
	if mode == "g3" {
		return newLinear(current)
	}
	snapshots := &snapshots{content: current, perNode: mode != "g1", objects: mode == "g2-objects", keys: []string{"edge"}}
	var hash cache.NodeHash = cache.IDHash{}
	if mode == "g1" {
		hash = oneKey{}
	}
	snapshots.snapshots = cache.NewSnapshotCache(true, hash, nil)
	if err := snapshots.set(); err != nil {
		panic(err)
	}
	return snapshots
}

// What is to be served, with the version of each type.
type content struct {
	all      fixtures
	parts    map[string][]types.Resource
	versions map[string]int
	turned   map[string]bool
}

// Applies a change. It returns the type and the resources that are other ones, or that are gone.
func (current *content) apply(change change, time int64) (url string, changed []types.Resource, gone []string) {
	switch change.kind {
	case "endpoint":
		url = resource.EndpointType
		for each := 0; each < change.count; each++ {
			at := (change.at + each*change.step) % len(current.parts[url])
			current.parts[url][at] = marked(current.all[url][base][at], change.number, time)
			changed = append(changed, current.parts[url][at])
		}
	case "clusters":
		url = resource.ClusterType
		changed = current.turn(url)
	case "route":
		url = resource.RouteType
		changed = current.turn(url)
	case "bad":
		url = resource.ClusterType
		bad := current.all[url][extra][0]
		if last := len(current.parts[url]) - 1; current.parts[url][last] == bad {
			current.parts[url] = current.parts[url][:last]
			gone = []string{cache.GetResourceName(bad)}
		} else {
			current.parts[url] = append(current.parts[url], bad)
			changed = []types.Resource{bad}
		}
	}
	current.versions[url]++
	return url, changed, gone
}

func (current *content) turn(url string) []types.Resource {
	if current.turned == nil {
		current.turned = map[string]bool{}
	}
	current.turned[url] = !current.turned[url]
	role := base
	if current.turned[url] {
		role = other
	}
	copy(current.parts[url], current.all[url][role])
	return current.all[url][role]
}

// SnapshotCache, with one key for all nodes or one for each.
type snapshots struct {
	*content
	snapshots        cache.SnapshotCache
	perNode, objects bool
	keys             []string
	last             *cache.Snapshot
}

type oneKey struct{}

func (oneKey) ID(*core.Node) string { return "edge" }

func (s *snapshots) cache() cache.Cache { return s.snapshots }

func (s *snapshots) change(change change, time int64) error {
	s.apply(change, time)
	return s.set()
}

// Types that have not changed keep their version, as whoever cares for the proxies would have it.
func (s *snapshots) snapshot() *cache.Snapshot {
	made := &cache.Snapshot{}
	for _, url := range urls {
		version := fmt.Sprint(s.versions[url])
		made.Resources[cache.GetResponseType(url)] = cache.NewResources(version, s.parts[url])
	}
	return made
}

func (s *snapshots) set() error {
	s.last = s.snapshot()
	for at, key := range s.keys {
		if at > 0 && s.objects {
			s.last = s.snapshot()
		}
		if err := s.snapshots.SetSnapshot(context.Background(), key, s.last); err != nil {
			return err
		}
	}
	return nil
}

func (s *snapshots) nodes(count int) error {
	if !s.perNode {
		return nil
	}
	s.keys = make([]string, count)
	for at := range s.keys {
		s.keys[at] = fmt.Sprintf("bench-%06d", at)
	}
	return s.set()
}

func (s *snapshots) compile() (all, one float64) {
	return s.timed(), func() float64 {
		s.apply(change{"endpoint", 0, 1, 1, 1}, 1)
		return s.timed()
	}()
}

func (s *snapshots) timed() float64 {
	began := time.Now()
	if err := s.snapshot().ConstructVersionMap(); err != nil {
		panic(err)
	}
	return float64(time.Since(began).Microseconds()) / 1000
}

// A LinearCache for each type, joined by a MuxCache.
type linear struct {
	*content
	mux    *cache.MuxCache
	caches map[string]*cache.LinearCache
}

func newLinear(current *content) *linear {
	caches := map[string]*cache.LinearCache{}
	muxed := map[string]cache.Cache{}
	for _, url := range urls {
		initial := map[string]types.Resource{}
		for _, each := range current.parts[url] {
			initial[cache.GetResourceName(each)] = each
		}
		caches[url] = cache.NewLinearCache(url, cache.WithInitialResources(initial))
		muxed[url] = caches[url]
	}
	mux := &cache.MuxCache{
		Classify:      func(request *cache.Request) string { return request.GetTypeUrl() },
		ClassifyDelta: func(request *cache.DeltaRequest) string { return request.GetTypeUrl() },
		Caches:        muxed,
	}
	return &linear{content: current, mux: mux, caches: caches}
}

func (l *linear) cache() cache.Cache { return l.mux }

func (l *linear) nodes(int) error { return nil }

// It makes bytes and versions when they are asked for.
func (l *linear) compile() (all, one float64) { return 0, 0 }

func (l *linear) change(change change, time int64) error {
	url, changed, gone := l.apply(change, time)
	updates := map[string]types.Resource{}
	for _, each := range changed {
		updates[cache.GetResourceName(each)] = each
	}
	return l.caches[url].UpdateResources(updates, gone)
}
