package web_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/store"
	"github.com/tracklayer/tracklayer/web"
)

// Inside is the API for callers in the same process, here asked how many users an experiment needs.
func ExampleAPI_Inside() {
	db, err := store.Open("state", store.Options{Cache: 1 << 20, MemTable: 1 << 20, Disk: store.NewDisk()})
	if err != nil {
		log.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			log.Print(err)
		}
	}()
	fold, err := core.Open(db)
	if err != nil {
		log.Fatal(err)
	}
	api := web.New(web.Options{State: fold, Code: "example"}).Inside()

	question := `{"baseline":0.1,"effect":0.1,"daily_users":2000}`
	r := httptest.NewRequest(http.MethodPost, "/v1/plan", strings.NewReader(question))
	r.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	api.ServeHTTP(answer, r)
	_, sentence, _ := strings.Cut(answer.Body.String(), `"sentence":"`)
	sentence, _, _ = strings.Cut(sentence, `"`)
	fmt.Println(answer.Code)
	fmt.Println(sentence)
	// Output:
	// 200
	// 14,749 users per variant (29,498 in total) can detect a lift of 10% on a baseline of 10% with a power of 0.8, two-sided at 5%; this takes 15 days, so plan 21 days.
}
