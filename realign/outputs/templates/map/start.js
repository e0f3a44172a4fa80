"use strict";
// Puts the page together once the map and its layers are there.
(function () {
  var ASIDE = 14, LABEL = 90;  // room of roads beside a box, on paper also for a name [px]
  var NOTHING = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";

  function online() {
    return realign.scene.online.map(function (each) {
      return { name: each.name, note: "asks the network", shown: false, role: "",
        look: { kind: "area", color: "#8a8a80", weight: 1, fillColor: "#dfe9d8" },
        layers: [L.tileLayer("https://" + each.host + "/{z}/{x}/{y}.png", { maxZoom: 22, maxNativeZoom: each.most, attribution: each.credit,
          errorTileUrl: NOTHING, zIndex: 0 })] };
    });
  }

  // Hide labels that would lie on an earlier one; places come before chainages.
  function declutter() {
    var taken = [];
    // hundreds of lines are no stops for the keyboard: the list of roads beside the profile is
    realign.map.getContainer().querySelectorAll(".leaflet-pane path").forEach(function (path) {
      if (path.getAttribute("tabindex") !== "-1") { path.setAttribute("tabindex", "-1"); }
    });
    ["place", "tick"].forEach(function (kind) {
      realign.map.getContainer().querySelectorAll(".label." + kind).forEach(function (label) {
        var a = label.getBoundingClientRect();
        var free = taken.every(function (b) {
          return a.right < b.left || b.right < a.left || a.bottom < b.top || b.bottom < a.top;
        });
        label.style.visibility = free ? "visible" : "hidden";
        if (free && a.width) { taken.push(a); }
      });
    });
  }

  realign.padding = function () {
    var title = realign.byId("title"), dock = realign.byId("dock").offsetHeight;
    return realign.isWide() ?
      { paddingTopLeft: [title.offsetWidth - 60, 40], paddingBottomRight: [360, dock + 40], animate: false } :
      { paddingTopLeft: [14, title.offsetHeight + 20], paddingBottomRight: [14, dock + 60], animate: false };
  };

  // Whether every point of the roads is in sight and under no box.
  function clear(points, boxes, size) {
    var left = before ? LABEL : ASIDE;
    return points.every(function (at) {
      return at.x > 12 && at.y > 12 && at.x < size.x - 12 && at.y < size.y - 12 &&
        boxes.every(function (box) {
          return at.x < box.left - left || at.x > box.right + ASIDE || at.y < box.top - ASIDE ||
            at.y > box.bottom + ASIDE;
        });
    });
  }

  var homing = false, moved = false, boxed = "";

  // While nobody has moved the map, boxes that come and go leave the roads in sight.
  function settle() {
    docked();
    var now = ["today", "versus", "profile"].map(function (id) { return realign.byId(id).hidden; }).join();
    if (now !== boxed && !moved) { home(); }
    boxed = now;
  }

  // The nearest view of all roads that no box covers.
  function home() {
    var map = realign.map, size = map.getSize(), roads = [realign.old];
    realign.option.shown().links.forEach(function (link) { roads.push(realign.roads[link]); });
    var places = [];
    roads.forEach(function (road) {
      for (var k = 0; k <= 100; k++) { places.push(road.at(road.length * k / 100)); }
    });
    var boxes = Array.prototype.map.call(document.querySelectorAll(".box"), function (box) {
      return box.getBoundingClientRect();
    }).filter(function (box) { return box.width > 0; });
    for (var zoom = 16; zoom >= map.getMinZoom(); zoom -= 0.25) {
      var points = places.map(function (place) { return map.project(place, zoom); });
      var bounds = L.bounds(points), extent = bounds.getSize();
      if (extent.x > size.x || extent.y > size.y) { continue; }
      var free = [];
      for (var i = 0; i <= 12; i++) {
        for (var j = 0; j <= 12; j++) {
          // move the roads from one corner of the window to the other
          var shift = L.point((size.x - extent.x) * i / 12, (size.y - extent.y) * j / 12)
            .subtract(bounds.min);
          if (clear(points.map(function (at) { return at.add(shift); }), boxes, size)) { free.push(shift); }
        }
      }
      if (free.length) {
        var middle = size.divideBy(2).subtract(free[Math.floor(free.length / 2)]);
        homing = true;
        map.setView(map.unproject(middle, zoom), zoom, { animate: false });
        homing = false;
        return;
      }
    }
    map.fitBounds(realign.scene.bounds, realign.padding());
  }

  function docked() {
    document.documentElement.style.setProperty("--dock", realign.byId("dock").offsetHeight + "px");
    document.documentElement.style.setProperty("--title", realign.byId("title").offsetHeight + "px");
  }

  var before = null;

  // A sheet of paper is no window: give the map its size and set the view anew. What the reader
  // looked at is in sight; all roads are where nobody has moved the map.
  function toPaper() {
    if (before) { return; }
    var map = realign.map, seen = map.getBounds();
    before = { centre: map.getCenter(), zoom: map.getZoom(), legend: realign.byId("legend").open, moved: moved };
    realign.byId("legend").open = true;
    document.documentElement.classList.add("sheet");
    map.invalidateSize({ animate: false, pan: false });
    homing = true;
    if (before.moved) {
      var snap = map.options.zoomSnap;
      map.options.zoomSnap = 0;
      map.setView(before.centre, map.getBoundsZoom(seen, false), { animate: false });
      map.options.zoomSnap = snap;
    } else {
      home();
    }
    homing = false;
    declutter();
  }

  function toScreen() {
    if (!before) { return; }
    document.documentElement.classList.remove("sheet");
    realign.byId("legend").open = before.legend;
    realign.map.invalidateSize({ animate: false, pan: false });
    homing = true;
    realign.map.setView(before.centre, before.zoom, { animate: false });
    homing = false;
    moved = before.moved;
    before = null;
    declutter();
  }

  function text(scene) {
    realign.byId("name").textContent = scene.title;
    realign.byId("ground").textContent = scene.ground ? "Ground: " + scene.ground : "";
    realign.byId("ground").hidden = !scene.ground;
    if (!realign.isWide()) { realign.byId("more").open = false; }
  }

  realign.start = function (map, groups, scene) {
    realign.map = map;
    realign.unpack(scene);
    text(scene);
    if (map.attributionControl) { map.attributionControl.setPrefix(false); }
    L.control.scale({ imperial: false }).addTo(map);
    var own = realign.option.build();
    var ticks = { name: "Chainage of the existing road", note: "", shown: true, role: "",
      look: Object.assign({ kind: "dot" }, realign.option.look("tick")), layers: [realign.option.oldTicks()] };
    groups.forEach(function (group) {
      if (group.title === "Ground and places") { group.rows = group.rows.concat([ticks], online()); }
    });
    realign.panel.build([own[0], own[1]].concat(groups.slice(0, 2), [own[2]], groups.slice(2)), scene.footnote);
    realign.option.ready();
    realign.days.ready();
    realign.profile.ready();
    realign.compare.ready();
    realign.tools.ready();
    docked();
    map.fitBounds(scene.bounds, realign.padding());
    realign.option.show(scene.best);
    docked();
    home();
    boxed = "true,true,true";
    map.on("movestart", function () { if (!homing) { moved = true; } });
    realign.tools.restore();
    ["zoomend", "layeradd", "layerremove", "moveend"].forEach(function (what) {
      map.on(what, function () {
        cancelAnimationFrame(realign.frame);
        realign.frame = requestAnimationFrame(declutter);
      });
    });
    ["dock", "option", "day", "state"].forEach(function (what) { realign.on(what, settle); });
    window.addEventListener("resize", docked);
    window.addEventListener("beforeprint", toPaper);
    window.addEventListener("afterprint", toScreen);
    declutter();
  };
}());
