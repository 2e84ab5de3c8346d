package config

import (
	"path"
	"strconv"
	"strings"
)

// minMemory is the smallest limits.memory.
const minMemory = 128 * MiB

// memoryShare is the part of a container's memory that limits.memory is by default, in percent. The rest is for what no
// limit of the program reaches: the files that the kernel maps, the log's blocks, and garbage between two collections.
const memoryShare = 75

// cgroupMemory is the memory that the control group of this process may use, and whether it is limited: memory.max of
// version 2, memory.limit_in_bytes of version 1, of the group itself and of those above it. A container sees its own group
// as the root.
func cgroupMemory(readFile ReadFile) (Size, bool) {
	least, limited := Size(0), false
	note := func(file string) {
		text, err := readFile(file)
		if err != nil {
			return
		}
		n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		const unlimited = 1 << 60 // version 1 writes nearly 1<<63 for no limit, version 2 max
		if err == nil && n > 0 && n < unlimited && (!limited || Size(n) < least) {
			least, limited = Size(n), true
		}
	}
	note("/sys/fs/cgroup/memory.max")
	note("/sys/fs/cgroup/memory/memory.limit_in_bytes")
	groups, err := readFile("/proc/self/cgroup")
	if err != nil {
		return least, limited
	}
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3) // id, controllers, path
		if len(parts) != 3 {
			continue
		}
		root, file := "/sys/fs/cgroup", "memory.max"
		if parts[1] == "memory" {
			root, file = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
		} else if parts[1] != "" {
			continue
		}
		for group := path.Clean("/" + parts[2]); group != "/"; group = path.Dir(group) {
			note(path.Join(root, group, file))
		}
	}
	return least, limited
}

// memory sets limits.memory from the container if nothing else sets it.
func (l *loader) memory() {
	if _, set := l.from["limits.memory"]; set || l.readFile == nil {
		return
	}
	if room, limited := cgroupMemory(l.readFile); limited {
		l.cfg.Limits.Memory = max(room*memoryShare/100/MiB*MiB, minMemory)
	}
}
