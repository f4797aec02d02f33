// A case that somebody has taken stays theirs while its page is seen; where it does not, they are
// told. And the time in which an answer can be undone runs down.
const EVERY = 30_000;
const place = document.querySelector("#case");
const csrf = document.querySelector('input[name="csrf"]')?.value ?? "";

async function renew() {
  if (document.visibilityState !== "visible" || !("mine" in place.dataset)) return;
  let answer;
  try {
    answer = await fetch(`${place.dataset.base}/renew`, { method: "POST", body: new URLSearchParams({ csrf }) });
  } catch {
    return; // The network is away; the lease lasts longer than one try.
  }
  if (answer.redirected || answer.status === 401 || answer.status === 403) lost("You are logged out here. Log in again to go on.");
  else if (answer.status === 409) lost((await answer.json()).lost);
  else if (answer.ok) {
    const lease = document.querySelector("#lease");
    if (lease) lease.textContent = "Yours, for as long as this page is seen.";
  }
}

function lost(told) {
  delete place.dataset.mine;
  const notice = document.querySelector("#lost");
  if (!notice) return;
  notice.textContent = told;
  notice.hidden = false;
  document.querySelector("#lease")?.remove();
  for (const control of document.querySelectorAll("#answer button, #answer select, #answer textarea, #answer input")) control.disabled = true;
}

if (place && "mine" in place.dataset) {
  setInterval(renew, EVERY);
  document.addEventListener("visibilitychange", renew);
}

for (const bar of document.querySelectorAll("[data-left]")) {
  const end = performance.now() + Number(bar.dataset.left);
  const tick = () => {
    const left = (end - performance.now()) / 1000;
    if (left <= 0) {
      bar.remove();
      clearInterval(timer);
      return;
    }
    bar.querySelector("[data-count]").textContent = Math.ceil(left);
    bar.querySelector("progress").value = left;
  };
  const timer = setInterval(tick, 250);
}
