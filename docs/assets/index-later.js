// Material asks for the search's index as soon as a page is there, and it is the largest thing on most pages.
// Here it waits until somebody turns to the search, or comes with a question in the address.
if (!location.search) {
  const { open, send } = XMLHttpRequest.prototype;
  const asked = new Promise((begin) => {
    const turned = (to) => to?.matches(".md-search__input") && begin();
    document.addEventListener("focusin", ({ target }) => turned(target));
    turned(document.activeElement);
  });
  XMLHttpRequest.prototype.open = function (method, url, ...rest) {
    this.waits = String(url).endsWith("/search_index.json");
    open.call(this, method, url, ...rest);
  };
  XMLHttpRequest.prototype.send = function (body) {
    if (this.waits) asked.then(() => send.call(this, body));
    else send.call(this, body);
  };
}
