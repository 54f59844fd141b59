package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

func (c *completionCmd) Help() string {
	return `Load it for this session:

  source <(lumos completion bash)
  source <(lumos completion zsh)
  lumos completion fish | source`
}

// Run prints a script that completes commands and flags from the grammar of this very binary.
func (c *completionCmd) Run(model *kong.Application, s streams) error {
	words := map[string][]string{}
	var order []string
	var walk func(path string, n *kong.Node)
	walk = func(path string, n *kong.Node) {
		order = append(order, path)
		for _, child := range n.Children {
			if child.Type != kong.CommandNode || child.Hidden {
				continue
			}
			words[path] = append(words[path], child.Name)
		}
		for _, flags := range n.AllFlags(true) {
			for _, f := range flags {
				words[path] = append(words[path], "--"+f.Name)
			}
		}
		for _, arg := range n.Positional {
			words[path] = append(words[path], arg.EnumSlice()...)
		}
		for _, child := range n.Children {
			if child.Type == kong.CommandNode && !child.Hidden {
				walk(strings.TrimSpace(path+" "+child.Name), child)
			}
		}
	}
	walk("", model.Node)
	switch c.Shell {
	case "fish":
		fishCompletion(s.out, order, words)
	case "zsh":
		fmt.Fprintln(s.out, "autoload -U +X bashcompinit && bashcompinit")
		fallthrough
	default:
		bashCompletion(s.out, order, words)
	}
	return nil
}

func bashCompletion(w io.Writer, order []string, words map[string][]string) {
	fmt.Fprint(w, `_lumos() {
  local cur=${COMP_WORDS[COMP_CWORD]} path= i w
  for ((i = 1; i < COMP_CWORD; i++)); do
    w=${COMP_WORDS[i]}
    [[ $w == -* ]] || path="${path:+$path }$w"
  done
  while :; do
    case $path in
`)
	for _, path := range order {
		fmt.Fprintf(w, "      %q) COMPREPLY=($(compgen -W %q -- \"$cur\")); break ;;\n", path, strings.Join(words[path], " "))
	}
	fmt.Fprint(w, `    esac
    [[ $path == *" "* ]] && path=${path% *} || path=
  done
  [[ $cur == -* || ${#COMPREPLY[@]} -gt 0 ]] || COMPREPLY=($(compgen -f -- "$cur"))
}
complete -o filenames -F _lumos lumos
`)
}

func fishCompletion(w io.Writer, order []string, words map[string][]string) {
	for _, path := range order {
		cond := "__fish_use_subcommand"
		if path != "" {
			cond = "__fish_seen_subcommand_from " + path[strings.LastIndex(path, " ")+1:]
		}
		for _, word := range words[path] {
			if flag, ok := strings.CutPrefix(word, "--"); ok {
				fmt.Fprintf(w, "complete -c lumos -n '%s' -l %s\n", cond, flag)
			} else {
				fmt.Fprintf(w, "complete -c lumos -n '%s' -a %s\n", cond, word)
			}
		}
	}
}
