package stream

import (
	"context"

	"github.com/tracklayer/tracklayer/canonical"
)

// PublishArchive stores a change of what lists show, of one experiment or one prefix of ids. It is taken only if the
// newest such change on the log still has the sequence after, 0 for none.
func (l *Log) PublishArchive(ctx context.Context, name string, after uint64, data []byte) (uint64, error) {
	return l.change(ctx, "archive."+canonical.Token(name), after, data)
}
