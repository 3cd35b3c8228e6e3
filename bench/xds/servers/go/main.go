// A control plane made of go-control-plane, led by lines on standard input as the other servers of the benchmark are.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
	_ "unsafe" // for the monotonic clock

	cluster "github.com/envoyproxy/go-control-plane/envoy/service/cluster/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/service/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/service/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/service/route/v3"
	server "github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
)

// Nanoseconds of CLOCK_MONOTONIC, which other processes see too.
//
//go:linkname nanotime runtime.nanotime
func nanotime() int64

func main() {
	mode := flag.String("mode", "g1", "g1, g2, g2-objects or g3")
	file := flag.String("fixtures", "", "resources to serve")
	shared := flag.Bool("shared-buffers", false, "share write buffers between connections")
	secured := flag.String("tls", "", "folder of certificates, for mutual TLS")
	flag.Parse()
	resources, err := readFixtures(*file)
	if err != nil {
		log.Fatal(err)
	}
	store := newStore(*mode, resources)
	options := []grpc.ServerOption{grpc.MaxConcurrentStreams(1 << 20), grpc.SharedWriteBuffer(*shared)}
	if *secured != "" {
		credentials, err := mutualTLS(*secured)
		if err != nil {
			log.Fatal(err)
		}
		options = append(options, grpc.Creds(credentials))
	}
	grpcServer := grpc.NewServer(options...)
	xds := server.NewServer(context.Background(), store.cache(), nil)
	discovery.RegisterAggregatedDiscoveryServiceServer(grpcServer, xds)
	cluster.RegisterClusterDiscoveryServiceServer(grpcServer, xds)
	endpoint.RegisterEndpointDiscoveryServiceServer(grpcServer, xds)
	listener.RegisterListenerDiscoveryServiceServer(grpcServer, xds)
	route.RegisterRouteDiscoveryServiceServer(grpcServer, xds)
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(grpcServer.Serve(listen)) }()
	fmt.Println("ready", listen.Addr().(*net.TCPAddr).Port)
	obey(store)
}

func obey(store store) {
	lines := bufio.NewScanner(os.Stdin)
	number := 0
	for lines.Scan() {
		words := append(strings.Fields(lines.Text()), "", "", "", "")
		switch words[0] {
		case "change":
			number++
			time := nanotime()
			err := store.change(change{words[1], integer(words[2], 0), integer(words[3], 1), integer(words[4], 1), number}, time)
			say(err, "changed", time, nanotime())
		case "stream":
			say(nil, "streamed", stream(store, integer(words[1], 10), integer(words[2], 100), &number))
		case "nodes":
			say(store.nodes(integer(words[1], 0)), "nodes")
		case "compile":
			all, one := store.compile()
			say(nil, "compiled", all, one)
		case "rss":
			say(nil, "rss", resident())
		case "gc":
			debug.FreeOSMemory()
			say(nil, "gc", resident())
		case "lag":
			say(nil, "lag")
		case "status":
			status, _ := json.Marshal(map[string]int{})
			say(nil, "status", string(status))
		case "quit":
			os.Exit(0)
		default:
			say(nil, "unknown", words[0])
		}
	}
	os.Exit(0)
}

// Changes with so many milliseconds between them, or as many as can be made in that time.
func stream(store store, every, changes int, number *int) int {
	began := time.Now()
	done := 0
	for ; done < changes && time.Since(began) < time.Duration(every*changes)*time.Millisecond; done++ {
		time.Sleep(time.Until(began.Add(time.Duration(done*every) * time.Millisecond)))
		*number++
		if err := store.change(change{"endpoint", done % 16, 1, 1, *number}, nanotime()); err != nil {
			log.Fatal(err)
		}
	}
	return done
}

func say(err error, words ...any) {
	if err != nil {
		words = []any{"failed", err}
	}
	fmt.Println(words...)
}

func integer(text string, otherwise int) int {
	if value, err := strconv.Atoi(text); err == nil {
		return value
	}
	return otherwise
}

func resident() int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	return integer(strings.Fields(string(text))[1], 0) * os.Getpagesize()
}
