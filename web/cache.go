package web

import (
	"github.com/tracklayer/tracklayer/readout"
	"sync"

	"github.com/tracklayer/tracklayer/core"
)

// maxPages bounds what one state of the core may fill.
const maxPages = 1024

// cache keeps the readouts of the newest View that somebody asked for.
type cache struct {
	mu    sync.Mutex
	view  *core.View
	pages map[readout.Question]*page
}

// page is a readout as it is given out. Whoever asks first makes it, the others wait.
type page struct {
	once sync.Once
	body []byte
	tag  string
	err  error
}

// get finds the readout or makes it. What cannot be made is not kept.
func (c *cache) get(v *core.View, k readout.Question, content func() ([]byte, error)) (*page, error) {
	p := c.page(v, k)
	p.once.Do(func() {
		if p.body, p.err = content(); p.err == nil {
			p.tag = tagOf(p.body)
		}
	})
	if p.err != nil {
		c.drop(k, p)
	}
	return p, p.err
}

func (c *cache) page(v *core.View, k readout.Question) *page {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.view == nil, v != c.view && v.Seq >= c.view.Seq, v == c.view && len(c.pages) >= maxPages && c.pages[k] == nil:
		c.view, c.pages = v, map[readout.Question]*page{}
	case v != c.view: // somebody who was slow still holds an older one
		return &page{}
	}
	p := c.pages[k]
	if p == nil {
		p = &page{}
		c.pages[k] = p
	}
	return p
}

func (c *cache) drop(k readout.Question, p *page) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pages[k] == p {
		delete(c.pages, k)
	}
}
