// The beginning: the controls, what the link says, the first question.

function draw(answer) {
  document.body.classList.remove("waiting");
  drawInstrument(answer);
  drawDerivation(answer);
  drawCurves(answer);
  drawWays(answer);
  drawDigits();
  drawProgram();
}

async function takeFragment() {
  const { found, unread } = readFragment(location.hash);
  await change(found);
  if (unread.length === 0 || !byId("trouble").hidden) return;
  notify(html("p", {}, `Of the link, ${unread.join(" and ")} cannot be read; the rest is shown.`));
}

listenToControls();
listenToPrograms();
listenToCheck();
addEventListener("hashchange", takeFragment);
addEventListener("resize", markScrolling);
takeFragment();
