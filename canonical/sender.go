package canonical

import "context"

// senderContext is a context with the sender of what is published.
type senderContext struct {
	context.Context
	sender uint64
}

type senderKey struct{}

// Value implements context.Context.
func (c *senderContext) Value(key any) any {
	if key == (senderKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// WithSender names the sender of what is published with the context by a number. The log divides its queue between senders;
// the number is stored nowhere.
func WithSender(ctx context.Context, sender uint64) context.Context {
	return &senderContext{ctx, sender}
}

// SenderOf is the number that WithSender gave, or 0.
func SenderOf(ctx context.Context) uint64 {
	if c, ok := ctx.Value(senderKey{}).(*senderContext); ok {
		return c.sender
	}
	return 0
}
