// Package person is one person: how it takes part in experiments, computed from the facts of its ids by the rules of
// docs/semantics.md.
//
// Rules.Evaluate computes a person from all of its facts and defines the result. The methods that change a person in place
// (Rules.Expose, Rules.Convert, Rules.End) must give the same; a test of package core holds them to it. Read person.go first,
// then evaluate.go and attribute.go.
//
// The package does no input or output. It must not import package sums or package core.
package person
