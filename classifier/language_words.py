"""Words that tell a text's language. Written for Tidings; each is matched as it is spelt here, case and all.

`foreign_words` are, per language, words that readers of English market news practically never meet: function words and
the verbs and nouns of headlines. Left out is what English has too ("die", "war", "in"), what stands in names
("Banco"), tickers and loan words. A German noun is listed with its capital. `ENGLISH` holds words that no
listed language shares.
"""

# ruff: noqa: RUF001 - Turkish has an i without a dot
from functools import cache

_FOREIGN = """
de aber alle allem allen aller alles als auch auf aus bei beim bereits bis dagegen damit dank dann das dass dem
de deren deshalb dessen deutlich deutschen diese diesem diesen dieser dieses doch dort durch ein eine einem einen
de einer eines erneut erstmals etwas euch gegen gegenüber geht gibt haben hatte heute hier hoch höher ihre ihren
de ihrer immer ist jahr jetzt kann kaum kein keine keinen kommt könnte können künftig läuft laut machen macht
de mehr mein meine mit muss müssen nach neue neuen neuer nicht nichts noch nun nur ob oder ohne schon sehr sein
de seine seinen seit sich sie sieht sind sogar soll sollen sollte sowie statt steht trotz über überraschend und
de uns unter unser viel viele vom warum wegen weil weiter weniger wenn werden wieder wird wurde wurden zu zum zur
de zurück zwei zwischen steigt fällt sinkt senkt streicht hebt kauft verkauft verliert bricht warnt schließt baut
de meldet erwartet steigert kündigt stoppt profitiert verdient schreibt rutscht stürzt klettert legt verkaufen
de kaufen kaufe steigen sinken Aktie Aktien Anleger Gewinn Gewinne Gewinneinbruch Umsatz Verlust Verluste Prozent
de Quartal Kurs Kurse Börse Mitarbeiter Milliarden Millionen Stellen Prognose Ausblick Nachfrage Zinsen
de Wirtschaft Unternehmen Streik Euroraum
fr afin ainsi alors après aucun aussi autour autres aux avait avant avec avoir beaucoup bien ça ce cela celle
fr celui cette ces chez chute comme contre dans déjà depuis dès deux devant donc elles encore entre été être eu
fr faire fait faut grâce hors ici il ils je jamais jour jusque leur leurs lors lui mais malgré même mes moins
fr mois moi nos notre nous nouveau nouvelle nouvelles où par parce pendant peu peut plusieurs pour pourquoi près
fr presque puis quand que quel quelle qui quoi rien sans selon serait sont sur toute toutes très trop une vers
fr veut vont votre vous annonce bénéfice bénéfices baisse hausse perte pertes taux ventes emplois supprime relève
fr abaisse recule bondit grimpe dévisse plonge chiffre milliard milliards milliers entreprise entreprises marché
fr marchés croissance dette dépassent attentes résultats trimestre rachat vend achète lance prévisions
fr perspectives banque acheter vendre vendu acheté pensez faillite
es además ahora alguien algo algún antes año años aquí así aún aunque cada cae caen casi como con contra cual
es cuando desde después donde dos durante ella ellos empresa empresas en entre eran eres esa ese eso esta está
es están este esto estos fue fueron hace hacia hasta hoy les más mejor menor mejores menos mes mientras
es millones muy nada nos nuestro nueva nuevo nunca otra otro para pero peor poco por porque pues puede pueden que
es qué quién quien se según será sí siempre sobre su sube suben sus también tanto tiene tienen toda todas todo
es todos tras tu un una uno unos usted vamos vez acción acciones beneficio beneficios pérdidas ganancias gana
es pierde crece desploma desploman dispara hunde anuncia lanza compra vende compro comprado vendo ventas deuda
es dividendo trimestre mercados precio precios previsiones resultados despido despidos trabajadores huelga
es quiebra crecimiento caída subida tipos interés gobierno
pt acima afirma agora ainda além algum alguém ano anos antes ao aos após apenas aqui às até cada caem cai como
pt contra das depois desde deve disse diz dos durante ela ele eles em entre essa esse esta está estão este eu foi
pt foram há isso já lhe mais mas melhor menos mês mesmo meu milhões muito não nas nem nenhum nos nossa nosso nova
pt novo outra outro para pela pelo pelos pode podem por porque quando que quem são se segundo sem será seu seus
pt sobre sob sua suas também tem têm terá teve toda todos tudo uma vai vão você ações aumenta anuncia lucro
pt lucros prejuízo queda alta sobe sobem dispara disparam despenca recua fecha dívida dividendos receita juros
pt trimestre empresa empresas vendas compra vende vendi comprei subir cair demissões greve falência governo
pt mantém investimentos resultados esperado maioria
it adesso agli alla alle allo anche ancora anno anni avere che ci col con contro così cosa dagli dai dal dalla
it dalle degli della delle dello dopo essere fino fra già gli hanno il invece io loro lui meglio meno mentre mila
it miliardi milioni molto negli nei nel nella nelle nessuno niente noi nostro nuova nuovo nuovi oggi ogni oltre
it ora perché però più poco prima quale qualcuno quando quanto quasi quella quello questa queste questi questo
it qui sarà se secondo sempre senza sia sono sopra sotto sta stato stati su sua sui sul sulla sulle suo suoi tra
it troppo tutta tutte tutti tutto un una uno verso vi azioni azienda calo cala cede chiude cresce crescita crolla
it crollo lancia perde perdita perdite scende sciopero taglia taglio tassi trimestre utile utili vendite venduto
it comprato compra ricavi rialzo ribasso titolo governo banche mercato prezzi stime prestiti licenziamenti
it fallimento
nl aan alle alleen als altijd ben bij daar dat deze dit doen dus een eens eerste en er gaan gaat geen goed goede
nl hebben heeft het hij hoe hoger hogere hun iets ik jaar je jij komt krijgt kunnen lager lagere maar maken meer
nl meest mijn minder moet moeten naar nederlandse niet niets nieuwe nog nooit nu om omdat onder ons onze ook
nl opnieuw rij sinds steeds tegen terug toch toe tussen uit vaak vandaag veel voor vooral waar waarom wanneer wat
nl weer wel werd werden wie wij worden wordt zal ze zeer zegt zich zijn zo zoals zonder zou aandeel aandelen
nl beurs beurskoers winst winsten verlies omzet cijfers daalt stijgt stijgen dalen zakt verkoopt koopt verkocht
nl gekocht schrapt verhoogt verlaagt waarschuwt banen bedrijf bedrijven miljard miljoen procent kwartaal rente
nl economie groei krimpt faillissement staking dankzij gisteren verwachting
tr ama artık aslında az bana bazı belki ben beni benim bile bir biri bizim bugün bunu büyük çok çünkü daha değil
tr dedi devam diye eden en etti ettiği fazla gibi göre geldi gelen haber hep hiç için ile ise iyi kadar karşı
tr kendi kim milyar milyon mı mü nasıl neden olan olarak oldu olduğu olmak olsun onu önce sadece sonra şey şimdi
tr şu tarafından tüm üzerinde var veya yani yeni yok yüksek yüzde zaman açıkladı arttı artış aldı altın dolar
tr düştü düşüş düşüyor yükseldi yükseliş faiz faizi hisse hisseler hisseleri kâr zarar şirket şirketi piyasa
tr piyasalar rekor satış satın çalışan enflasyon ekonomi banka iflas işten çeyrekte
pl albo bardzo był była było będą będzie być choć chce coraz czy dla dlaczego dzisiaj dziś gdy gdzie ich jak jako
pl je jednak jego jej jest jestem jeszcze jeśli już kiedy kto która które który którzy lub mają mam mnie może
pl można nad nas nawet nie niż nic nowe nowy od oraz ponad poza przed przez przy raz roku są się siebie sobie
pl swoje tak także tego tej tu tylko tym więc wszystko wszystkie za że ze zł akcje akcji banku banki giełda
pl giełdzie giełdy inflacja cena ceny rynek rynku rynki spółka spółki zysk zysku strata stratę straty wzrost
pl spadek spada spadają spadły rośnie wzrosła wzrosły firma firmy mld procent stopy zwalnia upadłość kwartale
pl kupuje sprzedaż zarobił prognozy wyniki wynikach pracowników
sv allt än andra är att av bara blev bli blir både bättre dag denna det detta din ditt då där efter ej eller ett
sv för före första från får få går gör hade har hela helt hos hur här idag igen inte inför jag kommer kronor
sv kunna med mellan mer mot mycket måste många när nog nu någon något några nya också om oss på redan samt
sv sig sina skulle stor stora så sätt upp ut utan vad var varför vara vem vi vid vill visar vår väntat år över
sv aktie aktien aktier börsen höjer sänker stiger faller rasar ökar minskar varslar vinst vinsten förlust
sv omsättning räntan ränta miljarder miljoner procent kvartal kvartalet bolaget utdelning utdelningen konkurs
sv anställda försäljning sålde sålt köpt köper köpa priserna
id ada adalah agar akan akibat aku anda antara apa atas atau bagi bahwa baru belum berada bisa banyak bukan dalam
id dapat dari dengan dia dua hanya hari harus hingga ia ini itu jadi jangan jika juga kali kalau kami karena kata
id ke kembali kemarin kenapa kepada kini kita lagi lain lalu lebih lewat masih mau melalui menjadi mereka
id merupakan namun nya oleh orang pada para pernah saat saja sampai sangat saya sebagai sebesar sebuah secara
id sedang sejak sekarang semua seperti serta setelah sudah tahun tak tanpa telah tentang terhadap terus tetap
id tidak tahu untuk yang anjlok naik naikkan turun saham laba rugi bersih bunga suku persen triliun miliar juta
id harga pasar perusahaan karyawan investasi pemerintah ekonomi inflasi jual beli dijual menguat melemah ditutup
id catat raih bulan memangkas menaikkan kuartal pertama
da alle blev blive bliver denne deres det dette din disse efter eller en er et fik flere fra få før går gør har
da havde hele hos hun hvad hvem hvis hvor hvorfor ikke igen ind jeg kom kommer kroner kunne lige længere med
da meget mellem millioner mindre mig må nej nogen noget nogle nu når ny nye også om på samt selv siden sig
da skal skulle stadig så ud uden var vi vil ville være vores år aktie aktien aktier falder stiger hæver sænker
da fyrer køber sælger solgt købt overskud underskud omsætning renten milliarder milliard procent kvartal
da medarbejdere konkurs nedjusterer opjusterer resultat priserne ventet virksomheden selskabet årets viser bolig
no blir bruker dette dere etter fikk fra går gjør hadde hva hvorfor hvordan ikke igjen jeg kroner litt mange
no mellom mer mot mye nå når nei noen også på selskapet skal stiger uten være våre aksjer aksjen aksje renten
no resultatet børs børsen faller øker kutter ansatte tjener overskudd milliarder prosent
fi ei eikä ellei eli en että enemmän enää hyvin hän häntä ilman joka jonka jos joten jotka juuri kaikki kanssa
fi kautta ketä koska koko kolme kolmannella kuin kuten kun kuinka lisää lähes mikä mikään miksi minkä minä minun
fi missä mitä mutta muun muita myös näin näitä niin niitä nyt oli olisi olla ovat osa paljon pitää puoli se sen
fi sekä selvästi sitä sitten suomen tai tänä tänään tämä tämän uuden uusi vain vai vaan vasta vielä viime voi
fi voisi vuoden vuonna vuoksi vuosi yli yhtiö yhtiön yhtiöt jälkeen osake osakkeet osakkeen osakkeita pörssi
fi pörssin talous tulos tuloksen tappio voitto liikevaihto liikevoitto kasvoi laski nousi laskee nousee nousevat
fi laskevat myin ostin irtisanoo lakko konkurssiin prosenttia miljoonaa miljardia euroa korot pankki inflaatio
fi työntekijät odotuksia
ro acest această acum aici asta ăsta astăzi avea avem când că ce cea cei cel cele cine cât către cu cum dacă deja
ro despre din după este eu fără fie fost iar îi în încă între își lor lui mare multe nici nimic noi nou nu pentru
ro peste până poate prin prima să sau se sunt și spre toate un unei unor unui vom acțiuni acțiunile bănci bursa
ro companie compania creștere creșterea scădere scad scade dobânda dobânzi milioane miliarde lei leu prețul
ro prețuri angajați guvernul inflația piața vânzări vândut cumpără pierderi faliment
cs aby až ani bude budou být byl byla bylo byly další dnes já jak jako je jeho její jejich jen ještě jsem jsou
cs již kde kdo kdy když která které který kteří ke má mají mezi mnoho může nad nebo není než nic nové nový od
cs podle pokud proč proti protože před při roce roku se své svůj tak také takže tento tohle toho tomu tu už více
cs však všechny všechno vůči za ze zda že akcie akcií banka banky burza burze burzy cena ceny firma firmy inflace
cs klesl klesla klesly koruna korun miliard miliardy milionů milionu procent procenta propouští prodal prodej
cs růst pokles roste stoupl stoupla ztráta ztrátu zisk zisku zvýšil zvýšila snížil snížila společnost sazby trh
cs trhu zaměstnance dividendu
hu abban ahol aki akik alatt által amely ami amikor az azonban azt azzal bejelentése bejelentett csak egy egyre
hu elég ellen előtt első emelt én és ez ezer ezek ezt felett forint hanem hogy hol idei igen itt kell kellett
hu közel között következő legnagyobb lesz lett már meg még mert miatt miért minden mint több magyar majd nagy
hu nagyon négy nem neki nincs össze ott pedig ről se sem sok szembe szemben szerint tegnap tavaly teljes tovább
hu után új utolsó vagy vagyok volt vissza részvény részvények részvényei részvénye részvényemet árfolyam
hu árfolyama nyereség nyeresége veszteség százalék százalékkal milliárd millió bankok kamat kamatot csökkent
hu csökkentett emelkedett nőtt esett esik zuhan zuhant zuhantak kormány infláció osztalék osztalékot tőzsde csőd
hu csődbe leépítést eladtam vettem összes
"""

_ENGLISH = """
about according after again against ahead all also although amid among and announces another any anyone around
ask away back bad because been before behind being below best better between big billion both bought bounce
breaks build business buy buying buys can cannot change close closed closes closing comes companies company could
cut cuts day days deals debt did does doing down downgraded drop drops during each early earnings economy either
else ends estimates even every everyone expected expects fall falls fears few first five following four from full
gain gains get gets getting goes going good got great growing growth has have having here high higher hit hits
holdings house how if improve increase increases interest into investors its jobs join joins jump jumps just keep
know largest last launches lead less levels likely look looking looks lose loss losses low lower made make makes
making many market markets may might million month months more morning move moved moving much must near needs
never new news next night not nothing now number of off once one only open opening opens other our out own
partner people plan plans points posts price prices profit profits put quarter quarterly raise raises raising
reach read ready report reported reports results revenue revenues right rise rises rising rose sales same say
says see seen sees sell selling sells she should show shows shut since small soars soon spending start starts
still stocks strong such sued surges take takes talks tax than thanks that the their them then there these they
thing things think this those three through time today tomorrow too trade trades two until up updates upgraded
using very views want wants was watch watching way weak week weekly weeks well went were what when where which
while who why with won workers world worst would wrong year years yes yesterday you your
"""

ENGLISH = frozenset(_ENGLISH.split())
# Found in English too, within names (Rio de Janeiro, Monte dei Paschi): together they count as one foreign word.
PARTICLES = frozenset(
    ("de", "dei", "del", "den", "der", "di", "du", "el", "la", "las", "le", "los", "och", "og", "van", "von")
)
# English words that are often spelt with an accent.
_LOANS = """
café cafés cliché clichés décor entrée exposé façade fiancé fiancée naïve née protégé résumé résumés rosé soufflé
touché crème coöperation doppelgänger jalapeño piñata
"""

LOANS = frozenset(_LOANS.split())


@cache
def foreign_words() -> frozenset[str]:
    """The words of all languages together: which language it is does not matter here."""
    return frozenset(word for line in _FOREIGN.strip().splitlines() for word in line.split()[1:])
