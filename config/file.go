package config

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// file reads the YAML file into the configuration. It walks the parsed nodes
// itself instead of decoding into the struct: so every fault has its line, and
// one fault does not hide the next.
func (l *loader) file(path, from string) {
	if path == "" {
		return
	}
	data, err := l.readFile(path)
	if err != nil {
		l.blind = true
		l.fault(configFlag, from, err.Error(), pathRemedy)
		return
	}
	f := file{loader: l, path: path}
	root, wrong := parse(data)
	switch {
	case wrong != "":
		l.blind = true
		l.fault(path, "YAML", wrong, "write one document of `key: value` lines, as in docs/tracklayer.example.yaml")
	case root != nil:
		f.section(root, "")
	}
}

// parse returns the one document of data, or nil for an empty file.
func parse(data []byte) (root *yaml.Node, wrong string) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) {
		return nil, ""
	}
	if err == nil {
		if !errors.Is(decoder.Decode(&second), io.EOF) {
			return nil, "there is more than one document in the file"
		}
		return document.Content[0], ""
	}
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if strings.Contains(text, "unknown anchor") { // the text behind it may be a secret
		text = "a value begins with * and so stands for another one; put such a value in quotes"
	}
	if strings.Contains(text, "did not find expected ',' or '}'") || strings.Contains(text, "did not find expected ',' or ']'") {
		text += "; between braces and brackets a value that contains ? or : or a comma, such as item?.userId, must be in quotes"
	}
	if strings.Contains(text, "mapping values are not allowed") {
		text += "; a value that contains a colon and a space, such as an expression with a ? b : c, must be in quotes"
	}
	return nil, text
}

// file is the walk over one parsed file.
type file struct {
	*loader
	path string
}

func (f file) at(node *yaml.Node) string { return fmt.Sprintf("line %d of %s", node.Line, f.path) }

// pairs calls each for every key below a mapping. It refuses what is no
// mapping, and keys that are said twice or are no plain text.
func (f file) pairs(node *yaml.Node, key string, each func(name string, value *yaml.Node)) {
	shown := key
	if shown == "" {
		shown = "the file"
	}
	if isNull(node) {
		return
	}
	if node.Kind != yaml.MappingNode {
		f.fault(shown, f.at(node), "here belongs a mapping", "write `key: value` lines below it")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		switch {
		case name.Kind != yaml.ScalarNode || name.Value == "" || name.Tag == "!!merge":
			f.fault(shown, f.at(name), "a key is not plain text", "write each setting out")
		case seen[name.Value]:
			f.fault(join(key, name.Value), f.at(name), "the key is there twice", "keep one of the two")
		default:
			seen[name.Value] = true
			each(name.Value, value)
		}
	}
}

// section reads the settings below one key, or those of the whole file.
func (f file) section(node *yaml.Node, prefix string) {
	f.pairs(node, prefix, func(name string, value *yaml.Node) {
		key := join(prefix, name)
		s, found := find(settings, key)
		switch {
		case found:
			f.value(value, s.field(&f.cfg), key, s.remedy)
		case key == sourcesKey:
			f.sources(value)
		case slices.Contains(sections(), key):
			f.section(value, key)
		default:
			f.unknown(value, key, append(keysOf(settings, ""), sections()...))
		}
	})
}

func (f file) sources(node *yaml.Node) {
	f.cfg.Sources = map[string]Source{}
	f.pairs(node, sourcesKey, func(name string, value *yaml.Node) {
		prefix := join(sourcesKey, name)
		f.from[prefix] = f.at(value)
		if !tokenForm.MatchString(name) {
			f.fault(prefix, f.at(value), "this is no name for a source, because it becomes part of a URL", tokenRemedy)
			return
		}
		var source Source
		f.pairs(value, prefix, func(name string, value *yaml.Node) {
			key := join(prefix, name)
			if s, found := find(sourceSettings, name); found {
				f.value(value, s.field(&source), key, s.remedy)
				return
			}
			if name == "verify" {
				f.fault(key, f.at(value), "verify is an option of some vendors, not a setting of its own", "write it below "+prefix+".options")
				return
			}
			f.unknown(value, key, keysOf(sourceSettings, prefix+"."))
		})
		f.cfg.Sources[name] = source
	})
}

func (f file) unknown(node *yaml.Node, key string, known []string) {
	f.fault(key, f.at(node), "no setting has this name", "did you mean "+nearest(key, known)+"?")
}

// value reads one setting. A key with nothing behind it leaves the default.
func (f file) value(node *yaml.Node, target any, key, remedy string) {
	if isNull(node) {
		return
	}
	if options, ok := target.(*map[string]any); ok {
		f.from[key] = f.at(node)
		*options = f.mapping(node, key)
		return
	}
	switch list := target.(type) {
	case *[]Secret:
		if hasObjects(node) {
			*list = f.secrets(node, key, remedy)
			return
		}
	case *[]WriteKey:
		if hasObjects(node) {
			*list = f.writeKeys(node, key, remedy)
			return
		}
	}
	texts := []string{node.Value}
	switch {
	case !isList(target) && node.Kind != yaml.ScalarNode:
		f.fault(key, f.at(node), "here belongs a single value", remedy)
		return
	case isList(target):
		var plain bool
		if texts, plain = entries(node); !plain {
			f.fault(key, f.at(node), "here belongs a list of plain values", "write [first, second]; "+remedy)
			return
		}
	}
	f.set(target, key, remedy, f.at(node), texts)
}

// hasObjects reports whether a list has an entry that is a mapping.
func hasObjects(node *yaml.Node) bool {
	return node.Kind == yaml.SequenceNode && slices.ContainsFunc(node.Content, func(entry *yaml.Node) bool { return entry.Kind == yaml.MappingNode })
}

// plain reads an entry that is plain text, or one member of an entry.
func (f file) plain(node *yaml.Node, key, remedy string, index int, into encoding.TextUnmarshaler) {
	err := errors.New("here belongs plain text")
	if node.Kind == yaml.ScalarNode {
		text := node.Value
		if isNull(node) {
			text = ""
		}
		err = into.UnmarshalText([]byte(text))
	}
	if err != nil {
		f.fault(key, f.at(node), fmt.Sprintf("entry %d: %v", index+1, err), remedy)
	}
}

// secrets reads a list of secrets of which some say what they prove.
func (f file) secrets(node *yaml.Node, key, remedy string) []Secret {
	f.from[key] = f.at(node)
	all := make([]Secret, len(node.Content))
	for i, entry := range node.Content {
		if entry.Kind != yaml.MappingNode {
			f.plain(entry, key, remedy, i, &all[i])
			continue
		}
		members := 0
		f.pairs(entry, key, func(name string, value *yaml.Node) {
			members++
			kind := SecretKind(name)
			if kind != Signing && kind != Client {
				f.fault(key, f.at(value), fmt.Sprintf("entry %d: no kind of secret has the name %.40q", i+1, name), remedy)
				return
			}
			f.plain(value, key, remedy, i, &all[i])
			all[i].kind = kind
		})
		if members != 1 {
			f.fault(key, f.at(entry), fmt.Sprintf("entry %d: one secret an entry", i+1), remedy)
		}
	}
	return all
}

// writeKeys reads a list of keys of which some are bound to sources or origins.
func (f file) writeKeys(node *yaml.Node, key, remedy string) []WriteKey {
	f.from[key] = f.at(node)
	all := make([]WriteKey, len(node.Content))
	for i, entry := range node.Content {
		k := &all[i]
		if entry.Kind != yaml.MappingNode {
			f.plain(entry, key, remedy, i, &k.Key)
			continue
		}
		f.pairs(entry, key, func(name string, value *yaml.Node) {
			switch name {
			case "key":
				f.plain(value, key, remedy, i, &k.Key)
			case "hash":
				hash := *value
				hash.Value = hashMark + strings.TrimPrefix(value.Value, hashMark)
				f.plain(&hash, key, remedy, i, &k.Key)
			case "sources":
				f.list(value, key, "write a list of names of sources", i, func(text string) error {
					token, err := ParseToken(text)
					k.Sources = append(k.Sources, token)
					return err
				})
			case "origins":
				f.list(value, key, "write a list of origins, for example [https://shop.example]", i, func(text string) error {
					var o Origin
					err := o.UnmarshalText([]byte(text))
					k.Origins = append(k.Origins, o)
					return err
				})
			default:
				f.fault(key, f.at(value), fmt.Sprintf("entry %d: no member has the name %.40q", i+1, name), "write key or hash, and sources and origins if it is bound to some")
			}
		})
		if !k.set && !f.bad[key] {
			f.fault(key, f.at(entry), fmt.Sprintf("entry %d: there is no key", i+1), "write key: or hash: into it")
		}
	}
	return all
}

// list reads a member of an entry that is a list of plain texts, which is not empty.
func (f file) list(node *yaml.Node, key, remedy string, index int, each func(string) error) {
	texts, plain := entries(node)
	if !plain || len(texts) == 0 {
		f.fault(key, f.at(node), fmt.Sprintf("entry %d: here belongs a list of plain values", index+1), remedy)
		return
	}
	for _, text := range texts {
		if err := each(text); err != nil {
			f.fault(key, f.at(node), fmt.Sprintf("entry %d: %v", index+1, err), remedy)
		}
	}
}

// entries returns the texts of a list of scalars.
func entries(node *yaml.Node) (texts []string, plain bool) {
	if node.Kind != yaml.SequenceNode {
		return nil, false
	}
	for _, entry := range node.Content {
		if entry.Kind != yaml.ScalarNode {
			return nil, false
		}
		text := entry.Value
		if isNull(entry) {
			text = ""
		}
		texts = append(texts, text)
	}
	return texts, true
}

// mapping turns the free options of a source into plain Go values.
func (f file) mapping(node *yaml.Node, key string) map[string]any {
	values := map[string]any{}
	f.pairs(node, key, func(name string, value *yaml.Node) {
		values[name] = f.free(value, join(key, name))
	})
	return values
}

func (f file) free(node *yaml.Node, key string) any {
	switch node.Kind {
	case yaml.MappingNode:
		return f.mapping(node, key)
	case yaml.SequenceNode:
		list := make([]any, len(node.Content))
		for i, entry := range node.Content {
			list[i] = f.free(entry, key)
		}
		return list
	case yaml.ScalarNode:
		var value any
		if err := node.Decode(&value); err != nil {
			f.fault(key, f.at(node), "the value does not fit its YAML tag", "remove the tag, or put the value in quotes")
		}
		return value
	default:
		f.fault(key, f.at(node), "references to other values are not read here", "write the value out")
		return nil
	}
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}
