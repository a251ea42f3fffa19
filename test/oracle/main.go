// Command oracle gives the verdicts of the real kube-scheduler: one case of NDJSON a line on stdin, one verdict a line
// on stdout, in the same order. It runs the framework of the pinned Kubernetes with its default profile; nothing of the
// rules is written here.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	kjson "sigs.k8s.io/json"
)

// The longest line: a case is a few kilobytes, a hostile quantity may be 10 MB of digits.
const lineBytesMax = 64 << 20

// verdictLine is one answer: nodes, or the error of a line that is no case.
type verdictLine struct {
	ID    json.RawMessage    `json:"id"`
	Nodes map[string]verdict `json:"nodes,omitempty"`
	Error string             `json:"error,omitempty"`
}

// verdict is what the scheduler says of one node.
type verdict struct {
	Fits    bool     `json:"fits"`
	Plugin  string   `json:"plugin,omitempty"`
	Reasons []string `json:"reasons,omitempty"`
	Error   bool     `json:"error,omitempty"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	judge, err := newJudge()
	if err != nil {
		return err
	}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), lineBytesMax)
	out := bufio.NewWriterSize(os.Stdout, 1<<16)
	answers := json.NewEncoder(out)
	answers.SetEscapeHTML(false)
	for in.Scan() {
		if err := answers.Encode(answer(judge, in.Bytes())); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return in.Err()
}

// answer decodes as the API machinery does: names of fields are case-sensitive.
func answer(judge *judge, line []byte) verdictLine {
	var c testCase
	if err := kjson.UnmarshalCaseSensitivePreserveInts(line, &c); err != nil {
		var only struct {
			ID json.RawMessage `json:"id"`
		}
		if json.Unmarshal(line, &only) != nil || only.ID == nil {
			only.ID = json.RawMessage("null")
		}
		return verdictLine{ID: only.ID, Error: err.Error()}
	}
	id, err := json.Marshal(c.ID)
	if err != nil {
		return verdictLine{ID: json.RawMessage("null"), Error: err.Error()}
	}
	nodes, err := judge.verdicts(&c)
	if err != nil {
		return verdictLine{ID: id, Error: err.Error()}
	}
	return verdictLine{ID: id, Nodes: nodes}
}
