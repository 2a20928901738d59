// What a program does with github.com/digitalocean/go-qemu, in the package that the distribution has: what QmpClient is
// measured against.
//
// Reads commands from its input, does each, and prints the microseconds that it took, and the median of its parts:
//
//	depth1 N   makes N round trips
//	depth8 N   makes N round trips, from eight goroutines
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/digitalocean/go-qemu/qmp"
)

// QEMU reads requests byte by byte, so this one is as long as QmpClient's.
var status = []byte(`{"execute":"query-status","id":"abc12"}` + "\n")

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "qmp.go:", err)
		os.Exit(1)
	}
}

func roundTrip(monitor *qmp.SocketMonitor) float64 {
	began := time.Now()
	answer, err := monitor.Run(status)
	check(err)
	var result struct {
		Return struct {
			Status string `json:"status"`
		} `json:"return"`
	}
	check(json.Unmarshal(answer, &result))
	if result.Return.Status == "" {
		check(fmt.Errorf("QEMU has no status"))
	}
	return float64(time.Since(began).Nanoseconds()) / 1e3
}

func main() {
	monitor, err := qmp.NewSocketMonitor("unix", os.Args[1], 30*time.Second)
	check(err)
	check(monitor.Connect())
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		words := strings.Fields(input.Text())
		count, err := strconv.Atoi(words[1])
		check(err)
		depth := 1
		if words[0] == "depth8" {
			depth = 8
		}
		took := make([]float64, count)
		began := time.Now()
		var all sync.WaitGroup
		for worker := 0; worker < depth; worker++ {
			all.Add(1)
			go func(first int) {
				defer all.Done()
				for i := first; i < count; i += depth {
					took[i] = roundTrip(monitor)
				}
			}(worker)
		}
		all.Wait()
		wall := float64(time.Since(began).Nanoseconds()) / 1e3
		sort.Float64s(took)
		fmt.Printf("%.1f %.1f\n", wall, took[count/2])
	}
}
