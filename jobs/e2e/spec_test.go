//go:build servers

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	nomad "github.com/hashicorp/nomad/api"
)

// maxKillTimeout is the client's, which caps what jobs ask for.
func maxKillTimeout(t *testing.T) time.Duration {
	t.Helper()
	self, err := all.nomad.Agent().Self()
	if err != nil {
		t.Fatal(err)
	}
	client, _ := self.Config["Client"].(map[string]any)
	most, err := time.ParseDuration(fmt.Sprint(client["MaxKillTimeout"]))
	if err != nil {
		t.Fatal(err)
	}
	return most
}

// What a spec and its program promise each other.
func TestPromisesBetweenSpecAndProgram(t *testing.T) {
	checks := map[string]string{"web": "[alive ready]", "worker": "[alive ready]", "background": "[alive ready]", "redis": "[alive]"}
	for _, name := range []string{"web", "worker", "background", "redis"} {
		t.Run(name, func(t *testing.T) {
			job, err := all.parse(name, nil)
			if err != nil {
				t.Fatal(err)
			}
			if *job.ID != name || len(job.TaskGroups) != 1 || *job.TaskGroups[0].Name != name {
				t.Fatalf("job %s is not one group of the same name: `nomad job scale %s 2` would not do", *job.ID, name)
			}
			group := job.TaskGroups[0]
			if group.Scaling == nil || group.Scaling.Min == nil || group.Scaling.Max == nil {
				t.Error("no bounds for scaling")
			}
			if group.Update == nil || !*group.Update.AutoRevert || *group.Update.MaxParallel < 1 {
				t.Error("an update that fails is not reverted")
			}
			checkServices(t, group, checks[name])
			for _, task := range group.Tasks {
				if task.ShutdownDelay > 0 || len(task.Services) > 0 {
					t.Errorf("task %s has a service or a shutdown_delay of its own: a restart in place would skip it", task.Name)
				}
				if most := maxKillTimeout(t); *task.KillTimeout >= most {
					t.Errorf("kill_timeout %v is not below the client's max_kill_timeout %v", *task.KillTimeout, most)
				}
			}
			switch name {
			case "redis":
				checkRedis(t, group)
			case "background":
				checkHandBack(t, group)
			default:
				checkDrain(t, name, group)
			}
		})
	}
	if _, err := all.parse("redis", map[string]string{"count": "2"}); err == nil || !strings.Contains(err.Error(), "once") {
		t.Errorf("two Redis servers on one file: error is %v, want the spec's own", err)
	}
}

// checkServices: liveness restarts, readiness does not.
func checkServices(t *testing.T, group *nomad.TaskGroup, want string) {
	t.Helper()
	if len(group.Services) != 1 {
		t.Fatalf("%d services at the group's level, want 1", len(group.Services))
	}
	service := group.Services[0]
	var names []string
	for _, check := range service.Checks {
		names = append(names, check.Name)
	}
	if slices.Sort(names); fmt.Sprint(names) != want {
		t.Errorf("the checks are %v, want %s", names, want)
	}
	for _, check := range service.Checks {
		restarts := check.CheckRestart != nil && check.CheckRestart.Limit > 0
		switch check.Name {
		case "alive":
			if !restarts {
				t.Error("a service that is not alive is not restarted")
			}
		case "ready":
			if restarts {
				t.Error("a service that is merely not ready is restarted")
			}
		}
		if check.Type == "http" && (check.PortLabel != "admin" || service.PortLabel == "admin" && service.Name != "background") {
			t.Errorf("check %s is not on the admin port, or the service is", check.Name)
		}
		if check.Interval > 2*time.Second || check.Timeout > 2*time.Second {
			t.Errorf("check %s takes %v every %v to notice", check.Name, check.Timeout, check.Interval)
		}
	}
}

// checkDrain: the program drains before Nomad loses its patience.
func checkDrain(t *testing.T, name string, group *nomad.TaskGroup) {
	t.Helper()
	env := group.Tasks[0].Env
	prefix := map[string]string{"web": "PROXY", "worker": "WORKER"}[name]
	delay, err := time.ParseDuration(env[prefix+"_DRAIN_DELAY"])
	if err != nil {
		t.Fatal(err)
	}
	timeout, err := time.ParseDuration(env[prefix+"_DRAIN_TIMEOUT"])
	if err != nil {
		t.Fatal(err)
	}
	if kill := *group.Tasks[0].KillTimeout; kill <= delay+timeout {
		t.Errorf("kill_timeout %v is not above drain delay %v and drain timeout %v", kill, delay, timeout)
	}
	if group.ShutdownDelay == nil || *group.ShutdownDelay <= 0 {
		t.Error("no shutdown_delay at the group's level, where its service is")
	}
	// After a restart in place Nomad registers anew before it kills: the drain's own
	// delay has to cover the time that the readiness check takes to notice.
	for _, check := range group.Services[0].Checks {
		if check.Name == "ready" && delay < check.Interval+check.Timeout {
			t.Errorf("drain delay %v is shorter than the readiness check takes: %v", delay, check.Interval+check.Timeout)
		}
	}
	if group.Services[0].Name == "apps" != (name == "worker") {
		t.Errorf("service is %q", group.Services[0].Name)
	}
}

// checkHandBack: the program drains and hands back before Nomad loses its patience.
func checkHandBack(t *testing.T, group *nomad.TaskGroup) {
	t.Helper()
	timeout, err := time.ParseDuration(group.Tasks[0].Env["WORKER_DRAIN_TIMEOUT"])
	if err != nil {
		t.Fatal(err)
	}
	const more = 11 * time.Second // to cut jobs off, to tell Redis what became of others, to hand the rest back
	if kill := *group.Tasks[0].KillTimeout; kill <= timeout+more {
		t.Errorf("kill_timeout %v is not above drain timeout %v and %v", kill, timeout, more)
	}
}

func checkRedis(t *testing.T, group *nomad.TaskGroup) {
	t.Helper()
	if *group.Scaling.Max > 1 || *group.Count > 1 {
		t.Error("Redis can be scaled above one")
	}
	if *group.Update.Canary != 0 || *group.Update.MaxParallel != 1 {
		t.Error("a canary would run beside the old server, on its file")
	}
}
