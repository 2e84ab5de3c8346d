package canonical

import "context"

type senderKey struct{}

// WithSender names the sender of what is published with the context. The log divides its queue between senders; the name
// is stored nowhere.
func WithSender(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, senderKey{}, name)
}

// SenderOf is the name that WithSender gave, or "".
func SenderOf(ctx context.Context) string {
	name, _ := ctx.Value(senderKey{}).(string)
	return name
}
