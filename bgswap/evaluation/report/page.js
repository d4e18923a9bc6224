// What is built, in the order of the page; the files before this one say how.
head();
summaryTables();
paired();
worst();
distributions();
scatter();
spectra();
overview();
for (const link of document.querySelectorAll("nav a")) link.hidden = document.querySelector(link.hash).hidden;
theme();
viewing();
