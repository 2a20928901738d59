// What a program does with github.com/vishvananda/netlink, in the package that the distribution has: what Netlink is
// measured against.
//
// Reads commands from its input, does each as often as it says, and prints the microseconds that passed and those of CPU:
//
//	find COUNT NAME          looks the link up by its name
//	list COUNT LINKS         lists all links, of which there must be that many
//	nic COUNT BRIDGE PREFIX  creates the persistent tap PREFIX0, attaches it to the bridge and sets it up; ...
//
// Numbers go on where the last command ended.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

var made int

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "netlink.go:", err)
		os.Exit(1)
	}
}

func cpu() time.Duration {
	var used unix.Timespec
	check(unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &used))
	return time.Duration(used.Nano())
}

func find(kernel *netlink.Handle, count int, name string) {
	for i := 0; i < count; i++ {
		_, err := kernel.LinkByName(name)
		check(err)
	}
}

func list(kernel *netlink.Handle, count int, expected string) {
	for i := 0; i < count; i++ {
		links, err := kernel.LinkList()
		check(err)
		if strconv.Itoa(len(links)) != expected {
			check(fmt.Errorf("%d links are listed, not %s", len(links), expected))
		}
	}
}

func nic(kernel *netlink.Handle, count int, bridge netlink.Link, prefix string) {
	for i := 0; i < count; i++ {
		attributes := netlink.NewLinkAttrs()
		attributes.Name = prefix + strconv.Itoa(made)
		made++
		tap := &netlink.Tuntap{LinkAttrs: attributes, Mode: netlink.TUNTAP_MODE_TAP}
		check(kernel.LinkAdd(tap))
		check(kernel.LinkSetMasterByIndex(tap, bridge.Attrs().Index))
		check(kernel.LinkSetUp(tap))
	}
}

func main() {
	runtime.LockOSThread()
	kernel, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	check(err)
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		words := strings.Fields(input.Text())
		count, err := strconv.Atoi(words[1])
		check(err)
		var bridge netlink.Link
		if words[0] == "nic" {
			bridge, err = kernel.LinkByName(words[2])
			check(err)
		}
		began, beganCPU := time.Now(), cpu()
		switch words[0] {
		case "find":
			find(kernel, count, words[2])
		case "list":
			list(kernel, count, words[2])
		case "nic":
			nic(kernel, count, bridge, words[3])
		default:
			check(fmt.Errorf("no command %q", words[0]))
		}
		wall, used := time.Since(began), cpu()-beganCPU
		fmt.Printf("%.1f %.1f\n", float64(wall.Nanoseconds())/1e3, float64(used.Nanoseconds())/1e3)
	}
}
