"use strict";
// Enhancements only: the list is whole without this file.
(() => {
  const near = document.getElementById("near");
  const search = document.getElementById("search");
  if (near && navigator.geolocation) {
    const live = document.getElementById("near-live");
    near.hidden = false;
    near.addEventListener("submit", (event) => {
      event.preventDefault();
      live.textContent = live.dataset.asking;
      navigator.geolocation.getCurrentPosition(
        ({ coords }) => {
          // Three places are about a hundred metres: near enough, and no more than is needed.
          near.elements.latitude.value = coords.latitude.toFixed(3);
          near.elements.longitude.value = coords.longitude.toFixed(3);
          for (const choice of ["cards", "reloads", "open"])
            near.elements[choice].disabled = !search.elements[choice].checked;
          near.submit();
        },
        () => {
          live.textContent = live.dataset.denied;
        },
        { maximumAge: 60000, timeout: 15000 },
      );
    });
  }

  const section = document.getElementById("map");
  if (!section) return;
  const said = section.dataset;
  const load = (tag, attributes) =>
    new Promise((resolve, reject) => {
      const element = Object.assign(document.createElement(tag), attributes);
      element.onload = resolve;
      element.onerror = reject;
      document.head.append(element);
    });
  const make = (tag, className, text) =>
    Object.assign(document.createElement(tag), { className, textContent: text });
  const placeOf = (text) => text.split(",").map(Number);

  // What a mark opens: what the list says, a way into the list, a way back to the mark.
  const popupOf = (L, marker, name, about, id) => {
    const content = make("div", "told", "");
    content.append(make("strong", "", name), make("p", "", about));
    if (id) {
      const link = make("a", "", said.inList);
      link.href = "#" + id;
      link.addEventListener("click", () => document.getElementById(id).focus());
      content.append(link);
    }
    const close = make("button", "quiet", said.close);
    close.type = "button";
    close.addEventListener("click", () => {
      marker.closePopup();
      marker.getElement().focus();
    });
    content.addEventListener("keydown", (event) => event.key === "Escape" && close.click());
    content.append(close);
    marker.bindPopup(content, { closeButton: false, maxWidth: 260 });
    marker.on("popupopen", () => content.querySelector("a, button").focus({ preventScroll: true }));
  };

  const drawLand = async (L, map) => {
    const land = await (await fetch(said.land)).json();
    L.geoJSON(land, {
      interactive: false,
      style: ({ properties }) => ({ className: properties.part, weight: 1, fillOpacity: 1 }),
      pointToLayer: ({ properties }, at) =>
        L.marker(at, {
          interactive: false,
          keyboard: false,
          icon: L.divIcon({ className: properties.part, iconSize: [0, 0], html: make("span", "", properties.name) }),
        }),
    }).addTo(map);
  };

  const drawListed = (L, map) =>
    [...document.querySelectorAll("[data-at]")].map((item) => {
      const name = item.querySelector("h3").textContent;
      const icon = L.divIcon({ className: "pin", iconSize: [32, 32], iconAnchor: [16, 32], popupAnchor: [0, -28] });
      const marker = L.marker(placeOf(item.dataset.at), { icon, riseOnHover: true }).addTo(map);
      marker.getElement().setAttribute("aria-label", name);
      popupOf(L, marker, name, item.querySelector("address").innerText.replace("\n", ", "), item.id);
      return marker;
    });

  const drawDots = async (L, map) => {
    if (!said.dots) return;
    const listed = new Set([...document.querySelectorAll("[data-at]")].map((item) => item.id));
    for (const [id, at, about] of await (await fetch(said.dots)).json()) {
      if (listed.has("p" + id)) continue;
      const [name, ...rest] = about.split(" · ");
      const dot = L.circleMarker(placeOf(at), { radius: 6, className: "dot" }).addTo(map);
      popupOf(L, dot, name, rest.join(" · "));
    }
  };

  const addKeys = (map) => {
    const keys = section.querySelector(".keys");
    const step = () => Math.round(Math.min(map.getSize().x, map.getSize().y) / 3);
    const acts = {
      in: () => map.zoomIn(),
      out: () => map.zoomOut(),
      north: () => map.panBy([0, -step()]),
      south: () => map.panBy([0, step()]),
      west: () => map.panBy([-step(), 0]),
      east: () => map.panBy([step(), 0]),
    };
    for (const button of keys.querySelectorAll("button"))
      button.addEventListener("click", acts[button.value]);
    keys.hidden = false;
  };

  const show = async () => {
    await Promise.all([
      load("link", { rel: "stylesheet", href: said.css }),
      load("script", { src: said.leaflet }),
    ]);
    const { L } = window;
    const box = section.querySelector(".map");
    box.hidden = false;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const map = L.map(box, {
      attributionControl: false,
      zoomControl: false,
      scrollWheelZoom: false,
      minZoom: 5,
      maxBounds: [[-8.5, 93.5], [16.5, 125.5]],
      maxZoom: said.tiles ? 18 : 13,
      zoomAnimation: !calm,
      fadeAnimation: !calm,
      inertia: !calm,
    }).setView([4.2, 108], 5);
    box.setAttribute("role", "group");
    const thin = () => box.classList.toggle("is-far", map.getZoom() < 7);
    map.on("zoomend", thin);
    thin();
    await drawLand(L, map);
    if (said.tiles) {
      box.classList.add("tiled");
      L.tileLayer(said.tiles, { maxZoom: 18 }).addTo(map);
      // Written as text: it comes from the operator's file, not from a stranger, but is no HTML.
      section.querySelector(".tiles-by").hidden = !said.tilesBy;
    }
    const marks = drawListed(L, map);
    if (said.here) {
      const icon = L.divIcon({ className: "here", iconSize: [20, 20] });
      marks.push(L.marker(placeOf(said.here), { icon, keyboard: false, interactive: false, title: said.you }).addTo(map));
    }
    if (marks.length) map.fitBounds(L.featureGroup(marks).getBounds(), { padding: [28, 36], maxZoom: 13, animate: false });
    addKeys(map);
    await drawDots(L, map);
    box.dataset.ready = "yes";
  };

  section.hidden = false;
  const button = document.getElementById("show-map");
  button.addEventListener("click", async () => {
    button.hidden = true;
    try {
      await show();
      section.querySelector(".map").focus({ preventScroll: true });
    } catch {
      section.querySelector("[role=status]").textContent = said.failed;
    }
  });
})();
