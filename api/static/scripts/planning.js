// Requests plans of the current draft from the server; only the latest one counts.

import { remove, send } from "./server.js";

const TYPING_MS = 800;

/** `request` returns a form with a file, or null; `tell` gets "wait", the plan, a problem or null. */
export function planner(request, tell) {
  let timer = null;
  let asked = null;
  let plan = null;

  const drop = () => {
    if (plan) remove(`plans/${plan.id}`).catch(() => {}); // otherwise it expires by itself
    plan = null;
  };
  const stop = () => {
    clearTimeout(timer);
    asked?.abort();
    asked = null;
  };
  const ask = async () => {
    const body = request();
    if (body === null) return tell(null);
    const own = new AbortController();
    asked = own;
    tell("wait");
    try {
      const answer = await (await send("plans", { method: "POST", body, signal: own.signal })).json();
      if (asked !== own) return void remove(`plans/${answer.id}`).catch(() => {});
      plan = answer;
      tell(plan);
    } catch (problem) {
      if (asked === own && problem.name !== "AbortError") tell(problem);
    }
  };
  return {
    /** Plan the draft, at once or after a pause in typing. */
    renew: ({ isTyping = false } = {}) => {
      stop();
      drop();
      timer = setTimeout(ask, isTyping ? TYPING_MS : 0);
    },
    /** The plan of the current draft; null while there is none. */
    current: () => plan,
    stop,
    drop,
  };
}
