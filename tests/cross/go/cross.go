// The cases of the data file in Go: cross CASES.json. A line for each that fails; ends with 1 where one does.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
)

// holds runs a case and tells whether it holds.
func holds(described object, database string, shared []any, words map[string]string) bool {
	folder, err := os.MkdirTemp("", "trunkline-cross-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	words["folder"] = folder
	for _, word := range shared {
		pair := word.([]any)
		if meaning, ok := filled(pair[1], database, words).(string); ok {
			words[pair[0].(string)] = meaning
		}
	}
	one := &test{described: described, database: database, words: words, handles: map[string]conn{},
		done: map[uintptr]bool{}, ctx: context.Background()}
	err = one.run()
	if err == nil {
		return true
	}
	var differs mismatch
	if failure := failed(err); failure != nil && !errors.As(err, &differs) {
		err = errors.New(shown(failure))
	}
	fmt.Printf("FAILED %s: %s: %v\n", database, described["name"], err)
	return false
}

func holdsFor(described object, database string) bool {
	on, named := described["on"].([]any)
	for _, each := range on {
		if each == database {
			return true
		}
	}
	return !named
}

// wordsOfEnvironment are what the servers are, as tests/servers/servers.py tells it.
func wordsOfEnvironment(t string) map[string]string {
	words := map[string]string{"t": t}
	for _, variable := range os.Environ() {
		if name, text, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "TL_") {
			words[name] = text
		}
	}
	return words
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	whole := read(text).(object)
	marks := whole["databases"].(object)
	databases := []string{}
	for database := range marks {
		databases = append(databases, database)
	}
	sort.Strings(databases)
	failures := 0
	for _, database := range databases {
		if mark := marks[database].(string); mark != "" && os.Getenv(mark) == "" {
			fmt.Printf("left out: %s: %s is not set\n", database, mark)
			continue
		}
		held := 0
		for i, each := range whole["cases"].([]any) {
			described := each.(object)
			if !holdsFor(described, database) {
				continue
			}
			if holds(described, database, whole["words"].([]any), wordsOfEnvironment(fmt.Sprintf("cross_go_%d_%d", os.Getpid(), i))) {
				held++
			} else {
				failures++
			}
		}
		fmt.Printf("%s: %d cases hold\n", database, held)
	}
	if failures > 0 {
		os.Exit(1)
	}
}
