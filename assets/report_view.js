// The report is a page of its own in a frame; it is as light or dark as the window.
const dress = () => {
  const page = element.querySelector("iframe")?.contentDocument?.documentElement;
  if (page) page.dataset.theme = document.body.classList.contains("dark") ? "dark" : "light";
};
// A load does not bubble, so it is caught on its way down.
element.addEventListener("load", dress, true);
dress();
