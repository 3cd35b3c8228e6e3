package main

import (
	"encoding/binary"
	"fmt"
	"os"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/proto"

	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
)

const (
	base = iota
	other
	extra
)

var urls = []string{resource.ClusterType, resource.EndpointType, resource.ListenerType, resource.RouteType}

// Resources by type URL and role.
type fixtures map[string][3][]types.Resource

func readFixtures(file string) (fixtures, error) {
	bytes, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	all := fixtures{}
	for at := 0; at < len(bytes); {
		kind, role := int(bytes[at]), int(bytes[at+1])
		at += 2
		next := func() []byte {
			length := int(binary.BigEndian.Uint32(bytes[at:]))
			at += 4 + length
			return bytes[at-length : at]
		}
		_, value := next(), next()
		message := []types.Resource{&cluster.Cluster{}, &endpoint.ClusterLoadAssignment{}, &listener.Listener{}, &route.RouteConfiguration{}}[kind]
		if err := proto.Unmarshal(value, message); err != nil {
			return nil, err
		}
		list := all[urls[kind]]
		list[role] = append(list[role], message)
		all[urls[kind]] = list
	}
	return all, nil
}

// A copy of an assignment that says when it came about and which change it was.
func marked(before types.Resource, number int, time int64) types.Resource {
	after := proto.Clone(before).(*endpoint.ClusterLoadAssignment)
	after.Endpoints[0].LbEndpoints[0].GetEndpoint().Hostname = fmt.Sprintf("@t%019d.%07d", time, number)
	return after
}
