package config_test

import (
	"fmt"

	"github.com/tracklayer/tracklayer/config"
)

func ExampleLoad() {
	readFile := func(string) ([]byte, error) {
		return []byte("data_dir: /srv/tracklayer\nlimits: {body: 8MiB}\n"), nil
	}
	args := []string{"serve", "--config", "tracklayer.yaml", "--listen", "127.0.0.1:9000"}
	environ := []string{"TRACKLAYER_LOG_FORMAT=json"}

	cfg, rest, err := config.Load(args, environ, readFile)
	fmt.Println(rest, err)
	fmt.Println(cfg.Listen, cfg.DataDir, cfg.Limits.Body, cfg.Log.Format)
	// Output:
	// [serve] <nil>
	// 127.0.0.1:9000 /srv/tracklayer 8MiB json
}

func ExampleLoad_faults() {
	environ := []string{"TRACKLAYER_LISTEN=0.0.0.0:8080", "TRACKLAYER_LOG_LEVL=info"}
	_, _, err := config.Load(nil, environ, nil)
	fmt.Println(err)
	// Output:
	// TRACKLAYER_LOG_LEVL (environment): no setting has this name; did you mean TRACKLAYER_LOG_LEVEL?
	// listen (environment variable TRACKLAYER_LISTEN): 0.0.0.0:8080 can be reached from other machines and anyone could write events; set keys.write or keys.write_file (or secrets for every source), or listen on 127.0.0.1
	// listen (environment variable TRACKLAYER_LISTEN): 0.0.0.0:8080 can be reached from other machines and anyone could read the results; set keys.read or keys.read_file, or listen on 127.0.0.1
	// listen (environment variable TRACKLAYER_LISTEN): 0.0.0.0:8080 can be reached from other machines and no key may change experiments or erase units: a write key is public and never does; set keys.admin or keys.admin_file, or editing: off, or listen on 127.0.0.1
}
