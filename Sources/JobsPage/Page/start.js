const heading = document.createElement("h1");
heading.textContent = "Jobs";
document.getElementById("main").append(heading);
