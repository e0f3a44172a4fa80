"use strict";
// Search, measure, coordinates, full screen, paper, and a link that brings the same map back.
realign.tools = (function () {
  var pin = null, measuring = false, points = [], ruler = null, said = null;

  // "192+400", "192.4", "new 12+300": chainage of the existing or of the new road [m].
  function chainage(text) {
    var found = /^(new\s+|old\s+)?(\d+)\s*\+\s*(\d{3})(?:\.\d+)?$/i.exec(text) ||
      /^(new\s+|old\s+)?(\d+(?:\.\d+)?)\s*(?:km)?$/i.exec(text);
    if (!found) { return null; }
    var metres = found[3] === undefined ? 1000 * found[2] : 1000 * found[2] + +found[3];
    return { fresh: /^new/i.test(found[1] || ""), metres: metres };
  }

  function byChainage(asked) {
    if (!asked.fresh) {
      if (asked.metres > realign.old.length) {
        return { problem: "The existing road ends at " + realign.station(realign.old.length) + "." };
      }
      return { place: realign.old.at(asked.metres), title: "Existing chainage " +
        realign.station(asked.metres), rows: [["Road level",
        realign.number(realign.old.level(asked.metres), 1) + " m"], ["State", state(asked.metres)]] };
    }
    var option = realign.option.shown();
    var piece = option.whole.find(function (each) {
      return asked.metres >= each[3] && asked.metres <= each[3] + each[2] - each[1];
    });
    if (!piece) {
      return { problem: "Option " + option.name + " has no new chainage " + realign.station(asked.metres) + "." };
    }
    var road = realign.road(piece[0]), s = piece[1] + asked.metres - piece[3];
    return { place: road.at(s), title: "New chainage " + realign.station(asked.metres),
      rows: [["Road", road.key || realign.old.name], ["Road level", realign.number(road.level(s), 1) + " m"]] };
  }

  function state(s) {
    var lost = realign.scene.lost.find(function (each) { return each[0] <= s && s <= each[1]; });
    return lost ? lost[3] + " from " + lost[2] : "dry at full level";
  }

  function named() {
    var out = realign.scene.places.map(function (place) {
      return { name: place.name, ur: place.ur, place: realign.old.at(place.at),
        rows: [["Existing chainage", realign.station(place.at)]] };
    });
    realign.option.shown().links.forEach(function (link) {
      var road = realign.roads[link];
      out.push({ name: link, place: road.at(road.length / 2), bounds: road.slice(0, road.length),
        rows: [["New road", realign.km(road.length)],
          ["Replaces", realign.station(road.old[0]) + " to " + realign.station(road.old[1])]] });
    });
    return out;
  }

  function byName(text) {
    var wanted = text.toLowerCase(), all = named();
    var found = all.find(function (each) { return each.name.toLowerCase() === wanted || each.ur === text; }) ||
      all.find(function (each) { return each.name.toLowerCase().indexOf(wanted) === 0; }) ||
      all.find(function (each) { return each.name.toLowerCase().indexOf(wanted) > 0; });
    return found ? Object.assign({ title: found.name }, found) :
      { problem: "No place or road is called \u201c" + text + "\u201d; a chainage reads 192+400 or new 12+300." };
  }

  function find(text) {
    var trimmed = text.trim();
    if (!trimmed) { return; }
    var asked = chainage(trimmed), found = asked ? byChainage(asked) : byName(trimmed);
    var answer = realign.byId("found");
    if (found.problem) {
      answer.textContent = found.problem;
      return;
    }
    answer.textContent = found.title + (found.rows.length ? ", " + found.rows[0].join(" ") : "");
    if (found.bounds) {
      realign.map.fitBounds(L.latLngBounds(found.bounds), realign.padding());
    } else {
      realign.map.setView(found.place, Math.max(13, realign.map.getZoom()), { animate: false });
    }
    if (pin) { pin.remove(); }
    pin = L.circleMarker(found.place, Object.assign(realign.option.look("pin"), { pane: "cursor", radius: 10 }))
      .bindPopup(realign.popup(found)).addTo(realign.map);
    pin.openPopup();
  }

  function suggestions() {
    var list = realign.byId("known");
    list.textContent = "";
    named().forEach(function (each) {
      var choice = realign.make("option");
      choice.value = each.name;
      if (each.ur) { choice.label = each.name + " \u00b7 " + each.ur; }
      list.appendChild(choice);
    });
  }

  // ------------------------------------------------------------ measure

  function measured() {
    var total = 0;
    for (var i = 1; i < points.length; i++) { total += points[i - 1].distanceTo(points[i]); }
    ruler.clearLayers();
    ruler.addLayer(L.polyline(points, Object.assign(realign.option.look("ruler"), { interactive: false })));
    points.forEach(function (point) {
      ruler.addLayer(L.circleMarker(point, Object.assign(realign.option.look("ruler"), { radius: 4 })));
    });
    said.textContent = points.length < 2 ? "Click points on the map; Escape ends" :
      realign.km(total) + ", last stretch " + realign.km(points[points.length - 2].distanceTo(points[points.length - 1]));
  }

  function measure(on) {
    measuring = on;
    realign.byId("measure").setAttribute("aria-pressed", String(on));
    realign.map.getContainer().classList.toggle("measuring", on);
    points = [];
    if (!ruler) { ruler = L.layerGroup(); }
    if (on) {
      ruler.addTo(realign.map);
      measured();
      realign.map.closePopup();
    } else {
      ruler.remove();
      said.textContent = "";
    }
  }

  function coordinates() {
    var control = L.control({ position: "bottomleft" });
    control.onAdd = function () {
      var box = realign.make("div", "", "coordinates");
      box.id = "coordinates";
      return box;
    };
    control.addTo(realign.map);
    said = realign.make("output", "", "ruler");
    said.id = "ruler";
    realign.byId("title").appendChild(said);
    realign.map.on("mousemove", function (event) {
      var near = realign.old.nearest(event.latlng);
      realign.byId("coordinates").textContent = event.latlng.lat.toFixed(5) + "\u00b0 N  " +
        event.latlng.lng.toFixed(5) + "\u00b0 E  \u00b7  existing road " + realign.station(near.s) +
        ", " + realign.km(near.metres) + " away";
    });
    // while measuring, a click is a point and nothing else
    realign.map.getContainer().addEventListener("click", function (event) {
      if (!measuring || event.target.closest(".leaflet-control")) { return; }
      event.stopPropagation();
      points.push(realign.map.mouseEventToLatLng(event));
      measured();
    }, true);
  }

  // ------------------------------------------------------------ link

  function hash() {
    var centre = realign.map.getCenter(), both = realign.compare.names();
    var parts = { view: [centre.lat.toFixed(5), centre.lng.toFixed(5), realign.map.getZoom()].join(","),
      option: realign.option.shown().name };
    var changed = realign.panel.difference();
    if (changed.length) { parts.layers = changed.join("|"); }
    if (realign.days.now()) { parts.date = realign.days.now(); }
    if (realign.profile.key()) {
      parts.road = realign.profile.key();
      if (realign.profile.cursor() !== null) { parts.at = Math.round(realign.profile.cursor()); }
    }
    if (both) { parts.compare = both.join("|"); }
    return "#" + Object.keys(parts).map(function (key) {
      return key + "=" + encodeURIComponent(parts[key]);
    }).join("&");
  }

  var pending = null;
  var own = "";

  function save() {
    clearTimeout(pending);
    pending = setTimeout(function () {
      own = hash();
      history.replaceState(null, "", own);
    }, 250);
  }

  function restore() {
    var parts = {};
    location.hash.slice(1).split("&").forEach(function (pair) {
      var at = pair.indexOf("=");
      if (at > 0) {
        try { parts[pair.slice(0, at)] = decodeURIComponent(pair.slice(at + 1)); } catch (problem) { return; }
      }
    });
    if (parts.option && realign.options[parts.option]) { realign.option.show(parts.option); }
    realign.panel.restore(parts.layers ? parts.layers.split("|") : []);
    var view = (parts.view || "").split(",").map(Number);
    if (view.length === 3 && view.every(isFinite)) { realign.map.setView([view[0], view[1]], view[2], { animate: false }); }
    if (parts.date && /^\d{4}-\d{2}-\d{2}$/.test(parts.date)) { realign.days.set(parts.date); } else {
      realign.days.rest();
    }
    var known = parts.road === "*" || parts.road === "-" ||
      realign.option.shown().links.indexOf(parts.road) >= 0;
    if (!known) { realign.profile.close(); }
    if (known) {
      realign.profile.open(parts.road);
      if (parts.at && isFinite(+parts.at)) { realign.profile.put(+parts.at, false); }
      if (realign.roads[parts.road] && view.length !== 3) {
        var road = realign.roads[parts.road];
        realign.map.fitBounds(L.latLngBounds(road.slice(0, road.length)), realign.padding());
      }
    }
    var both = (parts.compare || "").split("|");
    if (both.length === 2 && realign.options[both[0]] && realign.options[both[1]]) {
      realign.compare.start(both[0], both[1]);
    } else if (realign.compare.names()) {
      realign.compare.stop();
    }
  }

  function share() {
    own = hash();
    history.replaceState(null, "", own);
    var button = realign.byId("share");
    function done(worked) {
      button.textContent = worked ? "Copied" : "See address";
      setTimeout(function () { button.textContent = "Link"; }, 1800);
    }
    if (navigator.clipboard) {
      navigator.clipboard.writeText(location.href).then(function () { done(true); }, function () { done(false); });
    } else { done(false); }
  }

  function full() {
    if (document.fullscreenElement) { document.exitFullscreen(); } else {
      document.documentElement.requestFullscreen();
    }
  }

  function ready() {
    coordinates();
    realign.byId("find").addEventListener("submit", function (event) {
      event.preventDefault();
      find(realign.byId("search").value);
    });
    realign.byId("measure").addEventListener("click", function () { measure(!measuring); });
    realign.byId("full").addEventListener("click", full);
    realign.byId("share").addEventListener("click", share);
    realign.byId("print").addEventListener("click", function () { window.print(); });
    document.addEventListener("keydown", function (event) {
      if (event.key === "Escape" && measuring) { measure(false); }
    });
    realign.on("option", suggestions);
    ["option", "layers", "day", "state"].forEach(function (what) { realign.on(what, save); });
    realign.map.on("moveend", save);
    window.addEventListener("hashchange", function () { if (location.hash !== own) { restore(); } });
  }

  return { ready: ready, find: find, restore: restore, hash: hash };
}());
