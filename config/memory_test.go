package config

import (
	"io/fs"
	"testing"
)

func TestTheContainersMemoryIsTheDefault(t *testing.T) {
	for _, c := range []struct {
		name    string
		files   map[string]string
		environ []string
		want    Size
	}{
		{"no control groups", nil, nil, 320 * MiB},
		{"a container, version 2", map[string]string{"/sys/fs/cgroup/memory.max": "1073741824\n"}, nil, 768 * MiB},
		{"a container, version 1", map[string]string{"/sys/fs/cgroup/memory/memory.limit_in_bytes": "536870912\n"}, nil, 384 * MiB},
		{"no limit, version 2", map[string]string{"/sys/fs/cgroup/memory.max": "max\n"}, nil, 320 * MiB},
		{"no limit, version 1", map[string]string{"/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, nil, 320 * MiB},
		{"a service of systemd", map[string]string{
			"/proc/self/cgroup": "0::/system.slice/tracklayer.service\n", "/sys/fs/cgroup/system.slice/tracklayer.service/memory.max": "max\n",
			"/sys/fs/cgroup/system.slice/memory.max": "2147483648\n",
		}, nil, 1536 * MiB},
		{"too little", map[string]string{"/sys/fs/cgroup/memory.max": "67108864\n"}, nil, 128 * MiB},
		{"said otherwise", map[string]string{"/sys/fs/cgroup/memory.max": "1073741824\n"}, []string{"TRACKLAYER_LIMITS_MEMORY=200MiB"}, 200 * MiB},
	} {
		cfg, _, err := Load(nil, c.environ, func(name string) ([]byte, error) {
			if text, ok := c.files[name]; ok {
				return []byte(text), nil
			}
			return nil, fs.ErrNotExist
		})
		if err != nil || cfg.Limits.Memory != c.want {
			t.Errorf("%s: %v, %v; want %v", c.name, cfg.Limits.Memory, err, c.want)
		}
	}
}
