// A member of hashicorp's memberlist with its LAN profile, which says and does what MemberMain does.
// arguments: role (of no matter), name, address, seeds (separated by commas, or empty)
package main

import (
	"bufio"
	"fmt"
	"io/ioutil"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

var (
	lock sync.Mutex
	view = map[string]bool{}
)

func changed(name string, there bool) {
	lock.Lock()
	defer lock.Unlock()
	if there {
		view[name] = true
	} else {
		delete(view, name)
	}
	names := []string{}
	for one := range view {
		names = append(names, one)
	}
	sort.Strings(names)
	fmt.Println("members " + strings.Join(names, ","))
}

type events struct{}

func (events) NotifyJoin(node *memberlist.Node)   { changed(node.Name, true) }
func (events) NotifyLeave(node *memberlist.Node)  { changed(node.Name, false) }
func (events) NotifyUpdate(node *memberlist.Node) {}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "memberlist:", err)
	os.Exit(1)
}

func main() {
	host, portText, err := net.SplitHostPort(os.Args[3])
	if err != nil {
		fail(err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		fail(err)
	}
	config := memberlist.DefaultLANConfig()
	config.Name = os.Args[2]
	config.BindAddr, config.BindPort = host, port
	config.AdvertiseAddr, config.AdvertisePort = host, port
	config.Events = events{}
	config.LogOutput = ioutil.Discard
	var list *memberlist.Memberlist
	fmt.Println("up")
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		switch commands.Text() {
		case "join":
			fmt.Println("joining")
			if list, err = memberlist.Create(config); err != nil {
				fail(err)
			}
			if os.Args[4] != "" {
				if _, err = list.Join(strings.Split(os.Args[4], ",")); err != nil {
					fmt.Println("alone")
				}
			}
			fmt.Println("joined")
		case "leave":
			fmt.Println("leaving")
			if err = list.Leave(5 * time.Second); err == nil {
				err = list.Shutdown()
			}
			if err != nil {
				fail(err)
			}
			fmt.Println("left")
		}
	}
}
