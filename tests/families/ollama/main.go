// Renders Ollama templates as Ollama does: Go's text/template, with the functions and the collating of messages that
// Ollama's documentation describes. Reads a list of cases as JSON, writes a list of texts.
package main

import (
	"encoding/json"
	"os"
	"strings"
	"text/template"
	"time"
)

type Message struct {
	Role    string
	Content string
}

type Case struct {
	Template string
	Messages []Message
}

// One side that speaks twice in a row has said one thing; all that the system says is the system prompt.
func collate(messages []Message) (string, []Message) {
	var system []string
	var joined []Message
	for _, message := range messages {
		if message.Role == "system" {
			system = append(system, message.Content)
		}
		if last := len(joined) - 1; last >= 0 && joined[last].Role == message.Role {
			joined[last].Content += "\n\n" + message.Content
		} else {
			joined = append(joined, message)
		}
	}
	return strings.Join(system, "\n\n"), joined
}

func render(each Case) string {
	functions := template.FuncMap{
		"json": func(value any) string {
			text, _ := json.Marshal(value)
			return string(text)
		},
		"currentDate": func(arguments ...string) string { return time.Now().Format("2006-01-02") },
	}
	parsed, err := template.New("").Option("missingkey=zero").Funcs(functions).Parse(each.Template)
	if err != nil {
		return "PARSE ERROR " + err.Error()
	}
	system, messages := collate(each.Messages)
	var text strings.Builder
	values := map[string]any{"System": system, "Messages": messages, "Tools": nil, "Response": ""}
	if err := parsed.Execute(&text, values); err != nil {
		return "RENDER ERROR " + err.Error()
	}
	return text.String()
}

func main() {
	var cases []Case
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		panic(err)
	}
	texts := make([]string, len(cases))
	for place, each := range cases {
		texts[place] = render(each)
	}
	if err := json.NewEncoder(os.Stdout).Encode(texts); err != nil {
		panic(err)
	}
}
